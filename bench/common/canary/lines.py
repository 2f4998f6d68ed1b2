"""Lines that secrets stand in, by the table of a form and the kind of file. They know none of the detectors.

`<<v>>` is the value; the name is the secret's topic and word (`harbor walnut password`) as <<snake>>, <<upper>>,
<<camel>>, <<kebab>>, <<dotted>>; <<topic>> and <<words>> are the topic alone, as one word and as two.
"""

from __future__ import annotations

CODE_OF: dict[str, tuple[str, ...]] = {
    "python": (
        '<<snake>> = "<<v>>"', "<<upper>> = '<<v>>'", 'session.login("<<topic>>", <<snake>>="<<v>>")',
        'CONFIG = {"host": "db.internal", "<<snake>>": "<<v>>"}', 'os.environ.setdefault("<<upper>>", "<<v>>")',
        'parser.add_argument("--<<kebab>>", default="<<v>>")', "# <<snake>> = <<v>>",
    ),
    "javascript": (
        "const <<camel>> = '<<v>>';", 'exports.<<upper>> = "<<v>>";', "process.env.<<upper>> = '<<v>>';",
        "client.configure({ <<camel>>: '<<v>>', retries: 3 });", "// <<camel>>: <<v>>",
    ),
    "typescript": (
        "const <<camel>>: string = '<<v>>';", 'export const <<upper>> = "<<v>>";',
        "const settings: Settings = { <<camel>>: '<<v>>', debug: false };",
    ),
    "java": (
        'String <<camel>> = "<<v>>";', 'static final String <<upper>> = "<<v>>";',
        'properties.setProperty("<<dotted>>", "<<v>>");',
    ),
    "kotlin": ('val <<camel>> = "<<v>>"', 'const val <<upper>> = "<<v>>"', 'config["<<snake>>"] = "<<v>>"'),
    "csharp": ('string <<camel>> = "<<v>>";', 'const string <<upper>> = "<<v>>";'),
    "markdown": (
        "The <<words>> <<word>> is `<<v>>`.", "    export <<upper>>=<<v>>", "- `<<upper>>`: `<<v>>`",
        "```\n<<upper>>=<<v>>\n```",
    ),
    "env": ("<<upper>>=<<v>>", 'export <<upper>>="<<v>>"', "<<upper>>='<<v>>'"),
    "yaml": ("<<snake>>: <<v>>", '<<camel>>: "<<v>>"', "<<kebab>>: '<<v>>'"),
    "json": ('  "<<camel>>": "<<v>>",', '  "<<snake>>": "<<v>>",', '  "<<topic>>": {"<<wordcamel>>": "<<v>>"},'),
    "ini": ("<<snake>> = <<v>>", "<<dotted>>=<<v>>", '<<snake>> = "<<v>>"'),
    "shell": ('export <<upper>>="<<v>>"', "<<upper>>=<<v>>", "./deploy.sh --<<kebab>> '<<v>>'"),
}  # fmt: skip
_BARE = {
    "python": ('<<topic>> = Client("<<v>>")', "# <<words>>: <<v>>", 'connect("<<topic>>", "<<v>>")'),
    "javascript": ("const <<topic>> = new Client('<<v>>');", "// <<words>>: <<v>>"),
    "typescript": ("const <<topic>> = connect<Api>('<<v>>');",), "java": ('Api <<topic>> = Api.create("<<v>>");',),
    "kotlin": ('val <<topic>> = Api("<<v>>")',), "csharp": ('var <<topic>> = new Api("<<v>>");',),
    "markdown": ("For <<words>> use `<<v>>`.",), "env": ("<<TOPIC>>=<<v>>", '<<TOPIC>>="<<v>>"'),
    "yaml": ("<<topic>>: <<v>>", '<<topic>>: "<<v>>"'), "json": ('  "<<topic>>": "<<v>>",',),
    "ini": ("<<topic>> = <<v>>",), "shell": ("./<<topic>>.sh <<v>>", 'login <<topic>> "<<v>>"'),
}  # fmt: skip
_URL = {
    "python": ('<<topic>> = create_engine("postgresql://<<topic>>:<<v>>@db.internal:5432/orders")',),
    "javascript": ("mongoose.connect('mongodb+srv://<<topic>>:<<v>>@cluster.internal/orders');",),
    "markdown": ("    git clone https://<<topic>>:<<v>>@git.internal/group/repo.git",),
    "env": ("<<TOPIC>>_URL=postgres://<<topic>>:<<v>>@db.internal/orders",),
    "yaml": ("<<topic>>: amqp://<<topic>>:<<v>>@queue.internal:5672/",),
    "json": ('  "<<topic>>": "mysql://<<topic>>:<<v>>@db.internal:3306/orders",',),
    "ini": ("<<topic>> = redis://:<<v>>@cache.internal:6379/0",),
    "shell": ("export <<TOPIC>>_PROXY=http://<<topic>>:<<v>>@proxy.internal:3128",),
}  # fmt: skip
_CONNECTION = {
    "csharp": ('var <<topic>> = "Server=db.internal;Database=<<topic>>;User Id=app;Password=<<v>>;";',),
    "java": ('String <<topic>> = "jdbc:mysql://db.internal:3306/<<topic>>?user=app&password=<<v>>";',),
    "json": ('  "<<topic>>": "Server=tcp:db.internal,1433;Uid=<<topic>>;Pwd=<<v>>;Encrypt=yes;",',),
    "python": ('<<topic>> = "host=db.internal dbname=<<topic>> user=app password=<<v>> sslmode=require"',),
    "yaml": ("<<topic>>: Data Source=db.internal;Initial Catalog=<<topic>>;User ID=app;Password=<<v>>",),
}  # fmt: skip
_COMMAND = {
    "shell": (
        "curl -u <<topic>>:<<v>> https://api.internal/v1", "mysql -u <<topic>> -p<<v>> orders",
        "sshpass -p '<<v>>' ssh <<topic>>@cache.internal", "PGPASSWORD=<<v>> psql -h db.internal -U <<topic>> orders",
        "docker login -u <<topic>> -p <<v>> registry.internal",
    ),
    "markdown": ("    mysqldump -u <<topic>> --password=<<v>> orders", "    redis-cli -h <<topic>> -a <<v>> ping"),
}  # fmt: skip
_HEADER = {
    "python": ('<<topic>> = {"Authorization": "Bearer <<v>>"}', 'headers["<<topic>>"] = {"X-Api-Key": "<<v>>"}'),
    "javascript": ("fetch('/<<topic>>', { headers: { Authorization: 'Bearer <<v>>' } });",),
    "java": ('<<topic>>.setRequestProperty("Authorization", "Bearer <<v>>");',),
    "shell": ("curl -H 'Authorization: Bearer <<v>>' https://<<topic>>.internal/v1",),
    "yaml": ("<<topic>>: {authorization: Bearer <<v>>}",),
}  # fmt: skip
_KEY = "-----BEGIN PRIVATE KEY-----\n<<v>>\n-----END PRIVATE KEY-----"
_BLOCK = {
    "python": (f'<<upper>> = """{_KEY}"""',), "javascript": (f"const <<topic>> = `{_KEY}`;",),
    "yaml": ("<<topic>>: |\n  " + _KEY.replace("\n", "\n  "),),
    "json": ('  "<<topic>>": "' + _KEY.replace("\n", "\\n") + '",',),
    "env": ('<<TOPIC>>="' + _KEY.replace("\n", "\\n") + '"',), "markdown": (f"Of <<words>>:\n\n{_KEY}",),
}  # fmt: skip


def _quoted(name: str, says: str, *more: str) -> dict[str, tuple[str, ...]]:
    """Lines of a value that a short name and some words say what it is of."""
    return {
        "python": (f'<<topic>>_{name} = "<<v>>"', f"# {says} of <<words>>: <<v>>"),
        "javascript": (f"const <<topic>>_{name} = '<<v>>';", f"// {says} of <<words>>: <<v>>"),
        "csharp": (f'string <<topic>>_{name} = "<<v>>";',), "markdown": (f"{says} of <<words>>: <<v>>", *more),
        "json": (f'  "<<topic>>_{name}": "<<v>>",',), "yaml": (f"<<topic>>_{name}: '<<v>>'",),
    }  # fmt: skip


LINES: dict[str, dict[str, tuple[str, ...]]] = {
    "named": CODE_OF, "bare": _BARE, "url": _URL, "connection": _CONNECTION, "command": _COMMAND, "header": _HEADER,
    "block": _BLOCK, "email": _quoted("email", "Maintainer", "Write to <<v>> about <<words>>."),
    "ip": _quoted("host", "The address", "The server of <<words>> is <<v>>."),
    "phone": _quoted("phone", "Phone", "For <<words>> call <<v>>."), "iban": _quoted("iban", "IBAN"),
    "card": _quoted("card_number", "Credit card"),
    "username": {
        "python": ('<<topic>> = "/home/<<v>>/projects/<<topic>>"',), "yaml": ("<<topic>>: /home/<<v>>/data",),
        "javascript": ("const <<topic>> = '/Users/<<v>>/work/<<topic>>';",), "shell": ("cd /home/<<v>>/<<topic>>",),
    },
}  # fmt: skip
