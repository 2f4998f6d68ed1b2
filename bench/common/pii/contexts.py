"""Where values stand without the name of a secret: keys in calls and headers, key blocks, and what belongs to persons.

The marks are those of `syntaxes`; `<<mail>>` is an e-mail and `<<who>>` a name, which are to be found as well. Each
row has the hosts it fits: languages whose real files it is put into, or names of made-up files.
"""

from __future__ import annotations

from dataclasses import dataclass

C_LIKE = "javascript typescript go java rust csharp kotlin swift"
CURLY = f"{C_LIKE} c php"
HASH = "python ruby shell"
CODE = f"{CURLY} {HASH}"


@dataclass(frozen=True)
class Row:
    hosts: tuple[str, ...]
    template: str


def rows(*several: tuple[str, str]) -> tuple[Row, ...]:
    return tuple(Row(tuple(hosts.split()), template) for hosts, template in several)


BARE = rows(
    ("python", 'client = Client("<<v>>")'), ("javascript typescript", "const client = new Client('<<v>>');"),
    ("go", 'client := sdk.New("<<v>>")'), ("java kotlin csharp swift", 'var c = Api.create("<<v>>");'),
    (CODE, "<<rem>> <<v>>"), ("ruby", "Client.new('<<v>>')"), ("php", "new Client('<<v>>');"),
    ("rust", 'connect("<<v>>")?;'), ("shell", 'curl -H "X-Auth: <<v>>" https://<<host>>/v1'),
    ("shell", "curl 'https://<<host>>/v1/items?key=<<v>>'"), ("markdown", "Use `<<v>>` for now."),
    ("log", "2024-03-01 12:00:01 INFO request with <<v>> accepted"), ("yaml", "value: <<v>>"),
    ("json", '  "value": "<<v>>",'), ("env", "VALUE=<<v>>"), ("c", 'run("<<v>>");'),
    ("csv", "12,active,<<v>>,2024-01-01"),
)  # fmt: skip
HEADERS = rows(
    (CODE, '<<rem>> curl -H "Authorization: Bearer <<v>>" https://<<host>>/v1'),
    ("python", 'headers = {"Authorization": "Bearer <<v>>"}'), ("python", 'headers["Authorization"] = f"token <<v>>"'),
    ("javascript typescript", "headers: { Authorization: 'Bearer <<v>>' },"), ("http", "Authorization: Bearer <<v>>"),
    ("go", 'req.Header.Set("Authorization", "Bearer <<v>>")'),
    ("java kotlin", 'conn.setRequestProperty("X-Api-Key", "<<v>>");'),
    ("shell", "curl -H 'X-API-Key: <<v>>' https://<<host>>/v2/items"), ("npmrc", "//<<host>>/:_authToken=<<v>>"),
    ("shell", "curl -H 'PRIVATE-TOKEN: <<v>>' https://<<host>>/api/v4/projects"),
    ("shell", "git clone https://oauth2:<<v>>@<<host>>/a/b.git"),
)  # fmt: skip
BASIC = rows(
    ("http", "Authorization: Basic <<vu>>"), ("python", 'headers = {"Authorization": "Basic <<vu>>"}'),
    ("javascript typescript", "headers: { 'Authorization': 'Basic <<vu>>' },"),
    ("shell", "curl -H 'Authorization: Basic <<vu>>' https://<<host>>/"),
    ("go", 'req.Header.Add("Authorization", "Basic <<vu>>")'), ("yaml", "authorization: Basic <<vu>>"),
)  # fmt: skip
BLOCK = rows(
    ("key-file", "<<v>>"), ("python", 'KEY = """<<v>>"""'), ("python", 'private_key = b"<<vn>>"'),
    ("javascript typescript", "const key = `<<v>>`;"), ("go", "const key = `<<v>>`"),
    ("yaml", "tls:\n  key: |\n    <<v4>>"), ("json", '  "private_key": "<<vn>>",'), ("env", 'TLS_KEY="<<vn>>"'),
    ("java", 'String pem = "<<vn>>";'), ("terraform", "  key = <<EOT\n<<v>>\nEOT"), ("ruby", 'KEY = "<<vn>>"'),
    ("php", "$pem = '<<v>>';"),
)  # fmt: skip

PERSONAL: dict[str, tuple[Row, ...]] = {
    "email": rows(
        (CODE, "<<rem>> Contact: <<v>>"), (CODE, "<<rem>> Author: <<who>> <<<v>>>"),
        (CODE, "<<rem>> ask <<v>> before you change this"), ("python", '__email__ = "<<v>>"'),
        ("python", 'send_mail("Report", to=["<<v>>"])'), ("javascript typescript", "const to = '<<v>>';"),
        ("java csharp", 'mail.addTo("<<v>>");'), ("kotlin swift", 'let to = "<<v>>"'),
        ("go", 'to := []string{"<<v>>"}'), ("php", "$to = '<<v>>';"), ("ruby", "mail to: '<<v>>'"),
        ("json", '  "email": "<<v>>",'), ("json", '  "author": "<<who>> <<<v>>>",'), ("yaml", "email: <<v>>"),
        ("toml", 'authors = ["<<who>> <<<v>>>"]'), ("ini", "admin = <<v>>"), ("xml", "  <email><<v>></email>"),
        ("csv", "17,<<v>>,2021-04-01"), ("markdown", "Write to [us](mailto:<<v>>)."),
        ("log", "2024-03-01 12:00:01 WARN bounce of <<v>> (550)"), ("env", "ADMIN_EMAIL=<<v>>"),
        ("sql", "INSERT INTO users VALUES (17, '<<v>>', now());"), ("shell", 'git config user.email "<<v>>"'),
        ("dockerfile", 'LABEL maintainer="<<v>>"'), ("markdown", "Signed-off-by: <<who>> <<<v>>>"),
        ("c", "/* MODULE_AUTHOR: <<who>> <<<v>>> */"), ("rust", 'let to = "<<v>>";'),
    ),
    "ip": rows(
        ("python", 'HOST = "<<v>>"'), ("python", 'ALLOWED_HOSTS = ["<<v>>", "localhost"]'),
        ("javascript typescript", "const host = '<<v>>';"), ("go", 'addr := "<<v>>"'),
        ("java csharp", 'String host = "<<v>>";'), (CODE, "<<rem>> production runs on <<v>>"),
        ("php", "$host = '<<v>>';"), ("yaml", "host: <<v>>"), ("json", '  "ip": "<<v>>",'), ("ini", "bind = <<v>>"),
        ("env", "REDIS_HOST=<<v>>"), ("hosts", "<<v>> db1 db1.internal"), ("nginx", "    allow <<v>>;"),
        ("log", '<<v>> - - [01/Mar/2024:12:00:01 +0000] "GET / HTTP/1.1" 200 512'),
        ("shell", "ssh deploy@<<v>> uptime"), ("terraform", '  cidr_blocks = ["<<v>>/32"]'),
        ("log", "2024-03-01 12:00:01 sshd[912]: Failed login from <<v>> port 52144"), ("xml", '  <host ip="<<v>>"/>'),
        ("docker-compose", '      - "db:<<v>>"'), ("markdown", "The staging server is <<v>>."),
        ("csv", "17,<<v>>,443,open"), ("c", 'inet_pton(f, "<<v>>", &a);'),
    ),
    "phone": rows(
        (CODE, "<<rem>> on call: <<v>>"), ("python", 'PHONE = "<<v>>"'),
        ("javascript typescript", "const phone = '<<v>>';"), ("json", '  "phone": "<<v>>",'),
        ("yaml", "telephone: '<<v>>'"), ("markdown", "Call <<v>> on weekdays."),
        ("html", '<a href="tel:<<v>>">Call us</a>'), ("xml", "  <tel><<v>></tel>"), ("csv", "17,Weber,<<v>>,Berlin"),
        ("sql", "UPDATE people SET phone = '<<v>>' WHERE id = 17;"), ("env", "SUPPORT_PHONE=<<v>>"),
        ("markdown", "Tel.: <<v>>"),
    ),
    "iban": rows(
        (CODE, "<<rem>> account <<v>>"), ("python", 'iban = "<<v>>"'),
        ("javascript typescript", "const iban = '<<v>>';"), ("json", '  "iban": "<<v>>",'), ("yaml", "account: <<v>>"),
        ("csv", "17;<<v>>;120,00"), ("xml", "  <IBAN><<v>></IBAN>"), ("markdown", "Please pay to <<v>>."),
        ("java", 'check("<<v>>");'),
    ),
    "card": rows(
        (CODE, "<<rem>> tested with <<v>>"), ("python", 'card_number = "<<v>>"'),
        ("javascript typescript", "const card = '<<v>>';"), ("json", '  "pan": "<<v>>",'), ("yaml", "number: '<<v>>'"),
        ("csv", "17,<<v>>,12/27"), ("log", "2024-03-01 12:00:01 DEBUG charge card=<<v>> amount=12.00"),
        ("java", 'pay("<<v>>", 100);'), ("sql", "INSERT INTO cards VALUES (17, '<<v>>');"), ("php", "$cc = '<<v>>';"),
    ),
    "name": rows(
        (CODE, "<<rem>> Author: <<v>>"), (CODE, "<<rem>> Written by <<v>>, 2021."),
        (CODE, "<<rem>> Thanks to <<v>> for the report."), (CODE, "<<rem>> reviewed by <<v>>"),
        (CODE, "<<rem>> TODO: ask <<v>> about this"), ("python", '__author__ = "<<v>>"'),
        ("python", 'x = 1\n"""Fixes a race that <<v>> found."""'), ("python", "# Copyright (c) 2019 <<v>>"),
        ("java kotlin javascript php", "/** @author <<v>> */"), ("json", '  "author": "<<v>>",'),
        ("json", '  "author": {"name": "<<v>>", "url": "https://<<host>>"},'), ("yaml", "maintainer: <<v>>"),
        ("toml", 'authors = [{ name = "<<v>>" }]'), ("xml", "  <developer><name><<v>></name></developer>"),
        ("markdown", "Maintained by <<v>>."), ("ini", "author = <<v>>"), ("dockerfile", "MAINTAINER <<v>> <<<mail>>>"),
        ("csharp", "// <author><<v>></author>"), ("json", '  "contributors": ["<<v>> <<<mail>>>"],'),
    ),
    "username": rows(
        (CODE, "<<rem>> see /home/<<v>>/notes/todo.txt"), ("python", 'ROOT = "/home/<<v>>/projects/data"'),
        ("python", 'ROOT = r"C:\\Users\\<<v>>\\Documents\\data"'),
        ("javascript typescript", "const root = '/Users/<<v>>/work/app';"), ("shell", "cd /home/<<v>>/src/app"),
        ("log", 'File "/home/<<v>>/app/main.py", line 12, in run'),
        ("log", "at Object.<anonymous> (/Users/<<v>>/code/app/index.js:10:5)"), ("yaml", "path: /home/<<v>>/data"),
        ("json", '  "cwd": "/Users/<<v>>/code",'), ("json", '  "cwd": "C:\\\\Users\\\\<<v>>\\\\code",'),
        ("ini", "home = /home/<<v>>"), ("java", 'new File("C:\\\\Users\\\\<<v>>\\\\a.txt");'),
        ("c", 'fopen("/home/<<v>>/a.txt", "r");'),
    ),
}  # fmt: skip
