"""Files that hold secrets by what they are called: the one list of the sources and of the language server. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

LONGEST_NAME = 255
"""Characters. File systems have no longer names; of a longer one its end is looked at, so time stays linear."""
DATA = ("yml", "yaml", "json", "toml", "ini", "cfg", "conf", "env", "properties", "xml", "csv", "txt")
"""Endings of files that hold values, not program text."""
PATTERN_WORDS = ("example", "sample", "template", "tmpl", "tpl", "dist")
"""Parts of the names of files that show which values are needed, and hold none."""


@dataclass(frozen=True)
class PrivateRule:
    """One kind of file, with names that it takes and names that it leaves."""

    kind: str
    """What such a file is."""
    patterns: tuple[str, ...]
    """Lower case; `*` is any text within a name, `**` any text. One without a slash is held against the name, another
    against every end of the path that begins at a name."""
    takes: tuple[str, ...]
    """Examples that are private."""
    leaves: tuple[str, ...]
    """Examples that look alike and are not private, for any rule."""


def _with_data(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}.{ending}" for name in names for ending in DATA)


RULES: tuple[PrivateRule, ...] = (
    PrivateRule(
        "environment variables",
        (".env", ".env.*", ".env-*", "*.env", ".envrc", ".envrc.*", ".dev.vars", "env.local", ".renviron",
         "env.prod*", "env.dev*", "env.staging*"),
        (".env", "env.production", ".env copy", "server.key (1)", "a/b/.env.production", "prod.env", ".envrc", "A/.ENV",
         ".env.local", "w\\.env"),
        ("environment.py", ".env.example", ".env.sample", "example.env", ".env.local.template", "env.py", "dotenv.ts",
         "environment.yml", ".environment/a.py", "env/a.py", ".envoy.yaml"),
    ),
    PrivateRule(
        "private keys and certificates with keys",
        ("*.pem", "*.key", "*.p8", "*.p12", "*.pfx", "*.pkcs12", "*.ppk", "*.jks", "*.jceks", "*.bcfks", "*.keystore",
         "*.keytab", "*.agekey", "sops/age/keys.txt", "wireguard/*.conf", "*.ovpn"),
        ("server.pem", "tls/example.com.key", "config/master.key", "AuthKey_1.p8", "a.PFX", "release.keystore",
         "krb5.keytab", ".config/sops/age/keys.txt"),
        ("keyboard.py", "key.go", "keys.txt", "keystore.java", "pem.rs", "monkey.py", "public.crt"),
    ),
    PrivateRule(
        "SSH and PGP",
        (".ssh/**", ".gnupg/**", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "ssh_host_*_key", "*.asc", "*.gpg",
         "*.pgp", "secring.*", ".password-store/**"),
        (".ssh/config", "keys/id_rsa", "id_ed25519.old", "id_rsa_work", "id_ecdsa_sk", "ssh_host_rsa_key", "mail.asc",
         "home/.gnupg/private-keys-v1.d/a"),
        ("id_generator.py", "ssh/config.py", "identity.rs", "ascii.py", "asc.py", "id.txt"),
    ),
    PrivateRule(
        "password safes and password files",
        ("*.kdb", "*.kdbx", "*.keychain", "*.keychain-db", "*.agilekeychain/**", ".htpasswd", ".htdigest", "etc/shadow",
         "etc/gshadow", "passwords", "*.secrets", "chap-secrets", ".vault_pass*", ".vault-token", "vault_pass.txt",
         ".ansible_vault_pass*", "wallet.dat", *_with_data("password", "passwords", "passwd")),
        ("safe.kdbx", "www/.htpasswd", "passwords.txt", "ipsec.secrets", ".vault-token", "/etc/shadow"),
        ("password.py", "passwords.rs", "shadow.css", "password_test.go", "etc/shadow.py"),
    ),
    PrivateRule(
        "credentials of tools",
        (".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", "pgpass.conf", ".my.cnf", ".mylogin.cnf", ".dockercfg",
         ".dockerconfigjson", ".docker/config.json", "containers/auth.json", ".composer/auth.json", ".git-credentials",
         ".gitcookies", ".config/gh/hosts.yml", ".config/hub", "rclone.conf", ".s3cfg", ".boto", ".passwd-s3fs",
         ".msmtprc", ".fetchmailrc", "wp-config.php", "local.settings.json", ".*_history"),
        (".netrc", "a/.npmrc", ".pypirc", "root/.docker/config.json", ".git-credentials", "wp-config.php",
         ".bash_history"),
        ("config.json", "docker/config.json", "npmrc.ts", "wp-config-sample.php", "locales/en/auth.json", "history.py",
         ".gitconfig", ".gitignore"),
    ),
    PrivateRule(
        "credentials of clouds and clusters",
        (".aws/**", ".config/gcloud/**", ".azure/accesstokens.json", ".azure/msal_token_cache.*", ".kube/config",
         ".kube/*.config", "kubeconfig", "*.kubeconfig", "kubeconfig.y*ml", "credentials", "*credentials*.json",
         *_with_data("credentials"), "credentials.*.enc", "*service-account*.json", "*service_account*.json",
         "*serviceaccount*.json", "*firebase-adminsdk*.json", "client_secret*.json", "*accesskeys.csv", "rootkey.csv",
         "*.publishsettings"),
        (".aws/credentials", ".kube/config", "service-account.json", "prod-service-account-2.json", "credentials.json",
         "application_default_credentials.json", ".cargo/credentials.toml", "service_account_key.json",
         "client_secret_1.apps.json", "cluster.kubeconfig", ".config/gcloud/access_tokens.db"),
        ("credentials.py", "credentials.go", "service-account-tool/package.json", "service_account.py",
         "kube/config.go", ".azure/pipelines.yml", "service-account.yaml", "kubeconfig.go"),
    ),
    PrivateRule(
        "secrets and state of deployments",
        ("*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json", ".terraformrc", "terraform.rc", ".secret", ".secrets",
         ".secrets.*", "secrets", "secrets.py", "*secrets.y*ml", "*secrets.json", *_with_data("secret", "secrets"),
         "secrets.*.y*ml", "secrets.*.json", "secrets.*.enc"),
        ("terraform.tfstate", "terraform.tfstate.backup", "prod.tfvars", "prod.auto.tfvars.json", "secrets.yaml",
         "config/secrets.yml", "app-secrets.yml", ".streamlit/secrets.toml", "secrets.prod.yaml", "circuit/secrets.py"),
        ("main.tf", "secrets.go", "secrets.example.yaml", "terraform.tfvars.example", "secrets/readme.md",
         "secretary.py", "variables.tf", "test_secrets.py", "usecrets.rs"),
    ),
)  # fmt: skip


@lru_cache(1 << 14)
def is_private(path: str) -> bool:
    """Whether a file of this path holds secrets, as far as its name says. Either slash parts names; case is nothing."""
    path = path.lower().replace("\\", "/")
    original = _original(path)
    if _shows_only(_name(original)):
        return False
    return _holds_secrets(path) or (original != path and _holds_secrets(original))


def _name(path: str) -> str:
    return path[path.rfind("/") + 1 :][-LONGEST_NAME:]


def _holds_secrets(path: str) -> bool:
    return bool(_NAMES.fullmatch(_name(path)) or any(end.search(path) for end in _ENDS))


def _original(path: str) -> str:
    """The path of the file that this is a copy of, as editors and people name copies: `.env~`, `#.env#`,
    `server.key.bak`, `.netrc.swp`."""
    folder, _, name = path.rpartition("/")
    name, former = name[-LONGEST_NAME:], ""
    while former != name:
        former = name
        if name.startswith("#") and name.endswith("#") and len(name) > 2:
            name = name[1:-1]
        elif match := _COPY.fullmatch(name):
            name = match[1]
            if name.startswith("..") and former.endswith((".swp", ".swo")):
                name = name[1:]  # Vim puts a dot before the name
    return f"{folder}/{name}" if folder else name


def _shows_only(name: str) -> bool:
    """Whether it is a pattern for a private file: `.env.example`, `secrets.sample.yaml`, not `example.com.key`."""
    head, _, last = name.rpartition(".")
    before = head.rpartition(".")[2]
    return last in PATTERN_WORDS or (before in PATTERN_WORDS and last in (*DATA, "tfvars"))


def _expression(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")


_COPY = re.compile(
    r"(.+?)(?:~\d*| copy(?: \d+)?| \(\d+\)|\.(?:bak|backup|old|orig|save|copy|tmp|swp|swo|disabled))", re.DOTALL
)
_PATTERNS = tuple(pattern for rule in RULES for pattern in rule.patterns)
_NAMES = re.compile("|".join(_expression(p) for p in _PATTERNS if "/" not in p), re.DOTALL)
_ENDS = tuple(re.compile(rf"(?:^|/){_expression(p)}\Z", re.DOTALL) for p in _PATTERNS if "/" in p)
