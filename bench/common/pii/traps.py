"""Lines that look like secrets or personal data and are none, and the clean windows that they are put into.

The marks are those of `syntaxes`; `<<n>>` is the name of a password, `<<t>>` that of a token or key.
"""

from __future__ import annotations

from collections.abc import Iterator

from common.pii import keys, passwords
from common.pii.contexts import CODE
from common.pii.windows import Maker, Value, Window, styled

PLAIN, TRAPPED = 560, 1200
JS = "javascript typescript"
CONFIGS = "env yaml json ini properties toml"
TRAPS: dict[str, tuple[tuple[str, str], ...]] = {
    "hash": (
        (CODE, "<<rem>> see commit <<h40>>"), ("python", 'SHA256 = "<<h64>>"'),
        ("python", "assert digest == '<<h32>>'"), ("yaml", "revision: <<h40>>"),
        ("dockerfile", "RUN echo <<h64>> a.tgz | sha256sum -c"),
        ("github-actions", "      - uses: actions/cache@<<h40>>"), (JS, "const etag = '<<h32>>';"),
        ("json", '  "gitHead": "<<h40>>",'), ("toml", 'checksum = "<<h64>>"'), ("go", 'const sum = "<<h64>>"'),
        ("markdown", "Fixed in <<h8>> and <<h40>>."), ("ini", "sha256 = <<h64>>"),
        ("yaml", "image: registry.internal/app@sha256:<<h64>>"), ("python", '    "etag": "<<h32>>",'),
    ),
    "uuid": (
        ("python", 'ID = "<<h8>>-<<h4>>-4<<h3>>-a<<h3>>-<<h12>>"'),
        ("json", '  "id": "<<h8>>-<<h4>>-4<<h3>>-9<<h3>>-<<h12>>",'),
        ("csharp", '[Guid("<<h8>>-<<h4>>-4<<h3>>-8<<h3>>-<<h12>>")]'),
        ("yaml", "request_id: <<h8>>-<<h4>>-4<<h3>>-b<<h3>>-<<h12>>"),
        ("xml", '  <project id="{<<x8>>-<<x4>>-4<<x3>>-B<<x3>>-<<x12>>}"/>'),
    ),
    "integrity": (
        ("package-lock", '    "integrity": "sha512-<<k86>>==",'),
        ("html", '<script src="a.js" integrity="sha384-<<k64>>"></script>'),
        ("toml", '    {file = "a-1.2.3-py3-none-any.whl", hash = "sha256:<<h64>>"},'),
        ("markdown", "    github.com/a/b v1.2.3 h1:<<k43>>="),
        ("dockerfile", "RUN pip install a==1.2.3 --hash=sha256:<<h64>>"),
    ),
    "base64 image": (
        ("css", ".a { background: url(data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA<<k120>>==); }"),
        (JS, "const icon = 'data:image/gif;base64,R0lGODlhAQABAIAA<<k60>>';"),
        ("html", '<img src="data:image/svg+xml;base64,PHN2ZyB4bWxucz0i<<k80>>">'),
        ("python", 'PIXEL = b"iVBORw0KGgoAAAANSUhEUgAA<<k88>>"'),
        ("css", "@font-face { src: url(data:font/woff2;base64,d09GMgABAAAAA<<k160>>); }"),
    ),
    "placeholder": (
        (CONFIGS.replace("json", ""), "<<n>>=changeme"), ("yaml", "<<n>>: changeme"),
        ("yaml", "<<n>>: <your-password>"), ("env", "<<N>>=your_password_here"), ("env", "<<N>>="),
        ("json", '  "<<n>>": "",'), ("json", '  "<<t>>": "YOUR_API_KEY",'), ("python", '<<t>> = "<your token>"'),
        ("python", '<<n>> = "********"'), ("yaml", "<<n>>: xxxxxxxx"), (JS, "const apiKey = 'YOUR_API_KEY_HERE';"),
        ("markdown", "export TOKEN=<token>"), ("command-line", "curl -u user:password https://<<host>>/"),
        ("yaml", "<<n>>: null"), ("command-line", "mysql -u root -p orders"), ("python", '<<t>> = "REPLACE_ME"'),
        ("java", 'String password = "";'), ("URL", "postgres://user:password@<<host>>/orders"),
        ("toml", '<<n>> = "TODO"'), ("ini", "<<n>> = [redacted]"), ("xml", "  <password>***</password>"),
        ("env", "<<T>>=XXXXXXXXXXXXXXXXXXXX"), ("markdown", "Set `AKIAIOSFODNN7EXAMPLE` as the key id."),
    ),
    "variable": (
        ("env", "<<N>>=${DB_PASSWORD}"), ("yaml", "<<n>>: ${DB_PASSWORD:-}"),
        ("yaml", "<<n>>: {{ vault_db_password }}"), ("github-actions", "          token: ${{ secrets.GITHUB_TOKEN }}"),
        ("docker-compose", "      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD}"), ("shell", 'export DB_PASSWORD="$1"'),
        ("shell", "TOKEN=$(cat /run/secrets/token)"), ("terraform", "  password = var.db_password"),
        ("helm-values", "password: {{ .Values.auth.password | quote }}"),
        ("properties", "spring.datasource.password=${DB_PASS}"), ("xml", "  <password>${env.REPO_PASSWORD}</password>"),
        ("python", 'f"postgres://{user}:{password}@{host}/db"'),
        (JS, "const url = `https://${user}:${password}@${host}/`;"),
        ("command-line", "curl -u $USER:$PASSWORD https://<<host>>/"), ("npmrc", "//<<host>>/:_authToken=${NPM_TOKEN}"),
        ("shell", 'curl -H "Authorization: Bearer $TOKEN" https://<<host>>/'),
        ("terraform", '  password = "${random_password.db.result}"'),
    ),
    "environment": (
        ("python", 'password = os.environ["DB_PASSWORD"]'), ("python", 'token = os.getenv("API_TOKEN", "")'),
        (JS, "const secret = process.env.JWT_SECRET;"), ("go", 'token := os.Getenv("API_TOKEN")'),
        ("java", 'String password = System.getenv("DB_PASSWORD");'), ("ruby", "password = ENV.fetch('DB_PASSWORD')"),
        ("php", "'password' => env('DB_PASSWORD', ''),"), ("rust", 'let token = env::var("API_TOKEN")?;'),
    ),
    "call": (
        ("python", "password = get_password()"), ("python", "token = tokens.next()"),
        (JS, "const token = await session.getToken();"),
        ("java", "String password = request.getParameter(\"password\");"), ("python", "api_key = config.api_key"),
        ("python", "secret = secrets.token_urlsafe(32)"), ("go", "password := hash(input.Password)"),
        ("ruby", "token = SecureRandom.hex(20)"), ("php", "$password = $_POST['password'];"),
        ("csharp", 'var token = await auth.GetTokenAsync("orders");'),
        ("python", "self.password = password or self.default_password"), (JS, "this.secret = options.secret;"),
        ("kotlin", "val password = passwordField.text.toString()"),
        ("swift", "let token = keychain.token(for: account)"), ("c", "token = strtok(line, delimiters);"),
        ("rust", "let token = self.lexer.next_token();"),
        ("python", 'user.set_password(form.cleaned_data["password1"])'),
        ("python", 'password = getpass.getpass("Password: ")'), ("shell", 'read -s -p "Password: " PASSWORD'),
    ),
    "annotation": (
        ("python", "password: str"), ("python", "token: str | None = None"), ("typescript", "password: string;"),
        ("typescript", "token?: AccessToken;"), ("python", "def login(user: str, password: str) -> Token: ..."),
        ("go", "var password string"), ("rust", "let secret: Vec<u8>;"), ("java", "private String apiSecret;"),
        ("kotlin", "lateinit var accessToken: String"), ("json", '  "password": {"type": "string", "minLength": 8},'),
        ("python", 'secret_key: SecretStr = Field(alias="SECRET_KEY")'),
        ("sql", "ALTER TABLE users ADD COLUMN password varchar(128) NOT NULL;"),
    ),
    "localisation": (
        ("locale json", '  "password": "Passwort vergessen?",'),
        ("locale json", '  "passwordLabel": "Enter your password",'),
        ("properties", "login.password=Mot de passe"), ("yaml", "password: Password must have 8 characters"),
        (JS, "messages.passwordHint = 'At least eight characters';"),
        ("locale json", '  "token_expired": "Your session has expired.",'),
        ("yaml", "forgot_password: Contraseña olvidada"),
        ("xml", '  <string name="password_hint">Choose a password</string>'),
        ("python", 'error = "The password is too short."'), ("php", "'password' => 'Das Passwort ist falsch.',"),
        ("locale json", '  "secret": "Geheimnis",'), ("locale json", '  "apiKey": "API key",'),
    ),
    "field": (
        ("python", 'password_field = "user_password"'),
        (JS, "const passwordInput = document.querySelector('#password-input');"),
        ("html", '<input type="password" name="password" id="user_password" autocomplete="current-password">'),
        ("python", 'TOKEN_URL = "/oauth/token/refresh"'), ("python", 'password_file = "/run/secrets/db_password"'),
        ("java", 'static final String KEY_PASSWORD = "password";'), ("yaml", "secretName: orders-database-credentials"),
        ("yaml", "passwordSecretRef: {name: db-credentials, key: password}"),
        (JS, "const TOKEN_KEY = 'auth.accessToken';"), ("python", 'token_type = "bearer"'),
        ("json", '  "tokenEndpointAuthMethod": "client_secret_basic",'),
        ("python", 'PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]'),
        ("css", "#password-field { width: 100%; }"), ("python", 'key = "user.settings.theme"'),
        (JS, "const cacheKey = 'products-by-category-v2';"), ("json", '  "primaryKey": "customer_order_id",'),
        ("python", 'sort_key = "created_at_descending"'), ("yaml", "tokenizer: whitespace_lowercase"),
        ("ini", "password_encryption = scram-sha-256"), ("env", "PASSWORD_MIN_LENGTH=12"),
    ),
    "lexer token": (
        ("python", "yield match.start(), Token.Literal.String, value"),
        ("c", "case TOKEN_STRING_LITERAL: token = TOKEN_EOF; break;"),
        (JS, "token = { type: 'identifier', value: 'foo' };"), ("python", 'token = "<|endoftext|>"'),
        ("python", 'self.pad_token = "[PAD]"'), ("go", 'token.Register("identifier")'),
        ("rust", 'let token = "semicolon";'), ("json", '  "eos_token": "</s>",'),
    ),
    "example mail": (
        (CODE, "<<rem>> for example user@example.com"), ("python", 'email = "alice@example.org"'),
        ("json", '  "email": "john@example.com",'), ("markdown", "Write to admin@example.net."),
        (JS, "const to = 'test@test.example';"), ("yaml", "email: noreply@example.com"),
        ("python", 'email = "user@localhost"'), ("html", '<input placeholder="you@example.com">'),
    ),
    "no mail": (
        ("python", "@app.route('/items')\ndef items(): ..."), (CODE, "<<rem>> see icon@2x.png and logo@3x.webp"),
        ("python", "C = A@B.T + w@x.mean"), ("shell", "git clone git@github.com:owner/repo.git"),
        ("package-lock", '  "resolved": "lodash@4.17.21",'), ("shell", "npm install @types/node@20.1.0 react@18.2.0"),
        ("css", "@media screen { a { color: red; } }"), ("java", "@Override @SuppressWarnings(\"all\")"),
        ("markdown", "Thanks @octocat, see user@host:/path."),
        ("github-actions", "      - uses: actions/setup-node@v4.0.2"),
        ("python", "@pytest.mark.parametrize('a', [1])\ndef test_a(a): ..."),
        ("shell", "scp a.txt deploy@server:/srv/"), ("kotlin", "return@forEach"),
        ("markdown", "Message-ID: <<<d14>>.<<u10>>@<<host>>>"), ("php", "$x = @file_get_contents($path);"),
    ),
    "no public address": (
        ("python", 'HOST = "127.0.0.1"'), ("yaml", "host: 192.168.1.20"), ("env", "DB_HOST=10.0.3.17"),
        ("nginx", "    allow 172.16.0.0/12;"), ("python", 'HOST = "0.0.0.0"'), ("go", 'addr := "203.0.113.7:8080"'),
        ("markdown", "Try 198.51.100.23 or 192.0.2.1."), (CODE, "<<rem>> bound to 127.0.0.1:8000"),
        ("hosts", "::1 ip6-localhost"), ("json", '  "mask": "255.255.255.0",'), ("python", 'ADDRESS = "2001:db8::1"'),
        ("yaml", "address: fe80::1ff:fe23:4567:890a"), (JS, "const host = '169.254.169.254';"),
        ("yaml", "multicast: 224.0.0.251"),
    ),
    "no address": (
        ("markdown", "Version 1.2.3.40 is out."), ("python", '__version__ = "4.12.0.7"'),
        ("csharp", '[assembly: AssemblyVersion("2.0.13.1")]'), ("python", 'OID = "1.3.6.1.4.1.311.21.20"'),
        ("xml", '  <assembly version="6.0.0.0"/>'), ("java", 'oid("2.5.29.15");'),
        ("css", "a::before, b::after { top: 0; }"), ("python", 'start, end = "12:30:45", "1:2:3"'),
        ("rust", "use std::fmt::Display;"), ("log", "2024-03-01 12:00:01 MAC 00:1b:44:11:3a:b7 up"),
        ("python", "x[::2, ::-1]"), ("markdown", "See section 4.3.2.1 of the manual."),
        ("log", "Mozilla/5.0 Chrome/120.0.6099.109 Safari/537.36"),
        ("yaml", "fingerprint: <<md5>>"),
    ),
    "public key": (
        ("markdown", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI<<k43>> ci"),
        ("yaml", "ssh_key: ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ<<k120>>"), ("markdown", "SHA256:<<k43>>"),
        ("python", 'FINGERPRINT = "<<sha1>>"'),
        ("key-file", "-----BEGIN PUBLIC KEY-----\n<<k64>>\n<<k64>>\n<<k64>>\n-----END PUBLIC KEY-----"),
        ("key-file", "-----BEGIN CERTIFICATE-----\n<<k64>>\n<<k64>>\n<<k64>>\n<<k64>>\n-----END CERTIFICATE-----"),
        ("json", '  "x5t": "<<s27>>",'),
    ),
    "number": (
        ("python", "created = 1700000<<d6>>"), ("json", '  "timestamp": 1700<<d9>>,'),
        (CODE, "<<rem>> ISBN 978-3-16-148410-0"), ("python", "PI = 3.14159265358979323846"),
        ("json", '  "id": <<d12>>,'), ("csv", "17,2024-03-01T12:00:01.123456Z,<<d6>>"),
        ("python", "x = [1234, 5678, 9012, 3456]"), ("c", "0x<<h16>>, 0x<<h16>>, 0x<<h16>>,"),
        ("markdown", "The room is 2024-03-01 to 2024-04-15, 10:00-12:30."), ("python", "LIMIT = 9223372036854775807"),
        ("sql", "INSERT INTO items VALUES (1000000<<d4>>, 12.50);"), (JS, "const max = 0x<<h8>>;"),
        ("csv", "DE,Berlin,10115,52.5200,13.4050"), ("markdown", "RFC 5321, 5322 and 6531; PEP 484 and 3107"),
        ("python", "EAN = 4006381333931"), ("xml", '  <path d="M12.5 10.25 123.4 567.8 910.11 12.13z"/>'),
    ),
    "regex": (
        ("python", r'MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")'), (JS, r"const ip = /^(\d{1,3}\.){3}\d{1,3}$/;"),
        ("python", r'KEY = re.compile(r"AKIA[0-9A-Z]{16}")'),
        ("go", r"var re = regexp.MustCompile(`gh[pousr]_[A-Za-z0-9]{36}`)"),
        (JS, r"const re = /password\s*[:=]\s*(\S+)/i;"), ("python", 'PEM = "-----BEGIN RSA PRIVATE KEY-----"'),
        ("yaml", "pattern: '^sk_live_[0-9a-zA-Z]{24}$'"),
    ),
    "path and name": (
        ("python", 'PATH = "/home/user/data"'), ("shell", "cd /home/$USER/src"),
        ("markdown", "Look in /Users/Shared or ~/Library/Logs."), ("python", 'PATH = "/usr/local/share/app"'),
        (CODE, "<<rem>> Author: the developers"), ("json", '  "author": "",'),
        ("markdown", "Based on Apache Kafka and Google Cloud Storage."),
        (CODE, "<<rem>> Written by hand, see Merge Sort."), ("dockerfile", "WORKDIR /home/node/app"),
        (CODE, "<<rem>> uses Dijkstra's algorithm and Gaussian Blur"), ("python", 'font = "Times New Roman"'),
        ("yaml", "region: Europe West"), ("yaml", "path: /home/runner/work"),
    ),
}  # fmt: skip


def clean(maker: Maker) -> Iterator[Window]:
    """Windows that hold nothing: as they are, and with a trap."""
    languages = CODE.split()
    for number in range(PLAIN):
        host = languages[number % len(languages)]
        path, before, _, behind = maker.hosts.place(host, maker.r)
        yield Window(path, before + behind, host, trap="nothing put in")
    for number in range(TRAPPED):
        name = list(TRAPS)[number % len(TRAPS)]
        hosts, template = TRAPS[name][maker.turn(f"trap {name}", len(TRAPS[name]))]
        fitting = hosts.split()
        host = fitting[maker.turn(template, len(fitting))]
        yield maker.window(host, _named(maker, template), NOTHING, "password", "snake", host, name)


NOTHING = Value("", "", "")


def _named(maker: Maker, template: str) -> str:
    """With names in place of `<<n>>` and `<<t>>`, in capitals of `<<N>>` and `<<T>>`, and with fingerprints."""
    password, token = maker.r.choice(passwords.NAMES), maker.r.choice(keys.GENERIC_NAMES)
    template = template.replace("<<sha1>>", ":".join(["<<x2>>"] * 20)).replace("<<md5>>", ":".join(["<<h2>>"] * 16))
    for mark, name in {"n": password, "t": token}.items():
        template = template.replace(f"<<{mark}>>", styled(name, "snake")).replace(
            f"<<{mark.upper()}>>", styled(name, "upper")
        )
    return template
