"""Made-up files for syntaxes that packages have few real files of: names, a head, harmless lines, a foot."""

from __future__ import annotations

import random
from dataclasses import dataclass

Place = tuple[str, str, str, str]
"""A path, the lines before, the indentation of what is put in, the lines behind."""


@dataclass(frozen=True)
class Filler:
    paths: tuple[str, ...]
    body: tuple[str, ...]
    """Lines, some of which stand before and behind in their order."""
    head: str = ""
    foot: str = ""


def lines(text: str) -> tuple[str, ...]:
    return tuple(text.strip("\n").split("\n"))


_ENV = lines(
    """
PORT=8080
LOG_LEVEL=info
DEBUG=false
CACHE_TTL=3600
TIMEZONE=Europe/Berlin
# Limits
MAX_UPLOAD_MB=25
WORKERS=4
APP_NAME=orders
FEATURE_NEW_UI=1
NODE_ENV=production
PUBLIC_PATH=/static/
""",
)  # fmt: skip
_YAML = lines(
    """
name: orders
replicas: 3
log_level: info
# how long results are kept
cache_ttl: 3600
timezone: Europe/Berlin
features: [search, export]
retries: 5
language: en
storage: /var/lib/orders
debug: false
""",
)  # fmt: skip
_JSON = lines(
    """
  "name": "orders",
  "version": "2.4.1",
  "debug": false,
  "retries": 5,
  "timezone": "Europe/Berlin",
  "features": ["search", "export"],
  "storage": "/var/lib/orders",
  "language": "en",
  "logLevel": "info",
  "cacheTtl": 3600,
""",
)  # fmt: skip
_INI = lines(
    """
debug = false
log_level = info
workers = 4
timeout = 30
; how long results are kept
cache_ttl = 3600
storage = /var/lib/orders
language = en
""",
)  # fmt: skip
_SHELL = lines(
    """
set -euo pipefail
# Build first, then restart.
make build
cd /srv/app
systemctl restart orders
echo "done"
docker compose up -d
sleep 5
ls -la
test -f app.jar
""",
)  # fmt: skip
_TEXT = lines(
    """
# Notes

Start the server first, then open the page in a browser.
The import takes some minutes for large files.

- restart the worker after each change
- look at the log when a job stands still

Results are written every night.
""",
)  # fmt: skip
_LOG = lines(
    """
2024-03-01 12:00:00 INFO server started on port 8080
2024-03-01 12:00:00 DEBUG loaded 17 rules in 12 ms
2024-03-01 12:00:02 INFO job 4711 finished
2024-03-01 12:00:03 WARN queue is 80 % full
Traceback (most recent call last):
2024-03-01 12:00:05 INFO request GET /items took 17 ms
""",
)  # fmt: skip

FILLERS: dict[str, Filler] = {
    "env": Filler((".env", ".env.production", "deploy/.env.local", "config/app.env"), _ENV),
    "yaml": Filler(("config/settings.yml", "application.yaml", "ansible/group_vars/all.yml", "config.yaml"), _YAML),
    "json": Filler(
        ("config/default.json", "appsettings.json", "settings.json", "fixtures/data.json"), _JSON, "{", '  "end": 0\n}',
    ),
    "locale": Filler(
        ("locales/de.json", "src/i18n/en.json", "public/lang/fr.json"), lines(
            '  "cancel": "Abbrechen",\n  "login": "Anmelden",\n  "save": "Speichern",\n  "welcome": "Willkommen!",\n'
            '  "delete": "Delete this item?",\n  "close": "Fermer",'
        ), "{", '  "end": ""\n}'
    ),
    "ini": Filler(("setup.ini", "app.cfg", "config/server.ini", "my.cnf"), _INI, "[server]"),
    "properties": Filler(
        ("src/main/resources/application.properties", "gradle.properties"),
        lines(
            ("app.name=orders\nserver.port=8080\nlogging.level.root=INFO\nspring.jpa.show-sql=false\napp.retries=5\n"
             "# limits\napp.max-size=25MB"),
        ),
    ),
    "toml": Filler(
        ("config.toml", "settings/prod.toml", "pyproject.toml"),
        lines(
            ('name = "orders"\nversion = "2.4.1"\nretries = 5\ndebug = false\nfeatures = ["search", '
             '"export"]\nlanguage = "en"'),
        ),
        "[tool.app]",
    ),
    "xml": Filler(
        ("web.config", "settings.xml", "res/values/strings.xml", "pom.xml"),
        lines(
            ('  <add key="Timeout" value="30" />\n  <timeout>30</timeout>\n  <debug>false</debug>\n  <!-- limits '
             '-->\n  <size unit="mb">25</size>\n  <name>orders</name>'),
        ),
        '<?xml version="1.0" encoding="utf-8"?>\n<configuration>', "</configuration>",
    ),
    "dockerfile": Filler(
        ("Dockerfile", "docker/Dockerfile", "Dockerfile.prod"),
        lines(
            ('WORKDIR /app\nCOPY . .\nRUN make build\nENV PORT=8080\nEXPOSE 8080\nUSER app\nENV NODE_ENV '
             'production\nCMD ["./run"]'),
        ),
        "FROM debian:12",
    ),
    "terraform": Filler(
        ("main.tf", "modules/db/variables.tf", "prod.tfvars"),
        lines(
            ('  instance_class = "db.t3.micro"\n  engine = "postgres"\n  allocated_storage = 20\n  multi_az = '
             'true\n  tags = { team = "orders" }\n  port = 5432'),
        ),
        'resource "aws_db_instance" "main" {', "}",
    ),
    "helm-values": Filler(
        ("charts/orders/values.yaml", "values-prod.yaml"),
        lines(
            ("replicaCount: 2\nservice:\n  port: 80\nresources: {}\nnodeSelector: {}\nimage:\n  tag: "
             "latest\ningress:\n  enabled: false"),
        ),
    ),
    "github-actions": Filler(
        (".github/workflows/ci.yml", ".github/workflows/release.yaml"),
        lines(
            ("      - uses: actions/checkout@v4\n      - run: make test\n      - name: Build\n      - run: npm ci\n "
             "       with:\n          fetch-depth: 0"),
        ),
        "name: ci\non: [push]\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:",
    ),
    "docker-compose": Filler(
        ("docker-compose.yml", "compose.prod.yaml"),
        lines(
            ('    image: postgres:16\n    restart: always\n    volumes:\n      - data:/var/lib/data\n    ports:\n   '
             '   - "5432:5432"\n    environment:'),
        ),
        "services:\n  db:",
    ),
    "k8s-secret": Filler(
        ("k8s/secret.yaml", "deploy/secrets.yml"), ("  REGION: ZXUtY2VudHJhbC0x", "  MODE: cHJvZA=="),
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: orders\ntype: Opaque\ndata:",
    ),
    "k8s-string-data": Filler(
        ("k8s/secret.yaml",), (), "apiVersion: v1\nkind: Secret\nmetadata:\n  name: orders\ntype: Opaque"
    ),
    "sql": Filler(
        ("db/init.sql", "migrations/0001_users.sql"),
        lines(
            ("CREATE TABLE items (id serial PRIMARY KEY, name text);\nCREATE INDEX ON items (name);\nGRANT SELECT "
             "ON items TO reader;\n-- roles\nCOMMIT;"),
        ),
    ),
    "command-line": Filler(("scripts/deploy.sh", "README.md", "docs/setup.md", ".bash_history"), _SHELL),
    "URL": Filler(("scripts/env.sh", "notes.txt", "docs/deploy.md", "config/urls.txt"), _TEXT),
    "connection-string": Filler(("App.config", "notes/db.txt", "src/settings.txt", "appsettings.txt"), _TEXT),
    "netrc": Filler((".netrc", "home/.netrc"), ("machine git.internal login ci", "default login anonymous")),
    "pgpass": Filler((".pgpass",), ("# host:port:database:user:password",)),
    "npmrc": Filler(
        (".npmrc", "app/.npmrc"),
        ("save-exact=true", "fund=false", "registry=https://registry.npmjs.org/", "audit=false"),
    ),
    "text": Filler(("README.txt", "docs/access.md", "notes/todo.txt"), _TEXT),
    "markdown": Filler(("README.md", "docs/guide.md", "CHANGELOG.md"), _TEXT),
    "log": Filler(("logs/app.log", "tests/data/output.txt", "server.log"), _LOG),
    "csv": Filler(
        ("data/export.csv", "fixtures/rows.csv"),
        ("id,value,date", "11,alpha,2024-01-01", "12,beta,2024-01-02", "13,gamma,2024-01-03"),
    ),
    "http": Filler(
        ("requests/api.http", "tests/data/request.txt"),
        ("Accept: application/json", "Cache-Control: no-cache", "Host: api.internal"), "GET /v1/items HTTP/1.1",
    ),
    "key-file": Filler(("id_rsa", "certs/server.key", "deploy/key.pem", "private.pem"), ()),
    "hosts": Filler(("etc/hosts", "ansible/hosts"), ("# database", "127.0.0.1 localhost", "::1 localhost")),
    "nginx": Filler(
        ("nginx.conf", "conf.d/site.conf"),
        ("    root /srv/www;", "    listen 80;", "    index index.html;", "    gzip on;"), "server {", "}",
    ),
    "html": Filler(
        ("index.html", "templates/contact.html"),
        ("<p>Hello</p>", "<h2>Contact</h2>", "<hr>", '<div class="box">text</div>'),
    ),
    "css": Filler(
        ("style.css", "src/theme.scss"), ("body { margin: 0; }", "p { color: #333333; }", ".box { padding: 4px; }")
    ),
    "package-lock": Filler(
        ("package-lock.json", "yarn.lock.json"), ('  "node_modules/a": {', '    "version": "1.2.3",', "  },"), "{", "}",
    ),
}  # fmt: skip


def made_up(name: str, r: random.Random) -> Place:
    """A file of the kind, cut at a line for what is put in."""
    filler = FILLERS[name]
    count = r.randint(0, min(len(filler.body), 10))
    chosen = [filler.body[i] for i in sorted(r.sample(range(len(filler.body)), count))]
    at = r.randint(0, count)
    before = "".join(f"{line}\n" for line in ([filler.head] if filler.head else []) + chosen[:at])
    behind = "".join(f"{line}\n" for line in chosen[at:] + ([filler.foot] if filler.foot else []))
    return r.choice(filler.paths), before, "", behind
