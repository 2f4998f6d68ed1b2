"""Where a secret stands under its name: assignments and settings in languages and in the files of tools.

In a template `<<v>>` is the secret, `<<v4>>` the same with each further line four spaces in, `<<vn>>` with `\\n`
for ends of lines, `<<vb>>` in base64, `<<vu>>` in base64 behind a user and a colon. `<<n>>` is the name in the
syntax's own style; snake, upper, camel, pascal and kebab force one. `<<rem>>` begins a comment; user, host and
database are no personal data; a class and a count (`<<h40>>`) is random text.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Syntax:
    name: str
    style: str
    """Of names."""
    templates: tuple[str, ...]
    forbidden: str = ""
    """Characters that would have to be escaped; values with them are drawn again."""


CODE: dict[str, Syntax] = {s.name: s for s in (
    Syntax(
        "python", "snake",
        (
            '<<n>> = "<<v>>"', "<<upper>> = '<<v>>'", 'self.<<n>> = "<<v>>"', 'config["<<n>>"] = "<<v>>"',
            'client = connect(host="<<host>>", user="<<user>>", <<n>>="<<v>>")', '<<n>>: str = "<<v>>"',
            'settings = {"host": "<<host>>", "<<n>>": "<<v>>", "retries": 3}', 'os.environ["<<upper>>"] = "<<v>>"',
            '<<upper>> = os.getenv("<<upper>>", "<<v>>")', "<<rem>> <<n>>: <<v>>", 'if <<n>> == "<<v>>":\n    pass',
            'assert login("<<user>>", <<n>>="<<v>>")', '<<n>> = b"<<v>>"', '<<n>> = (\n    "<<v>>"\n)',
        ),
    ),
    Syntax(
        "javascript", "camel",
        (
            'const <<n>> = "<<v>>";', "let <<n>> = '<<v>>';", "const options = { host: '<<host>>', <<n>>: '<<v>>' };",
            'process.env.<<upper>> = "<<v>>";', "const <<n>> = process.env.<<upper>> || '<<v>>';", "// <<n>> = <<v>>",
            "module.exports.<<n>> = `<<v>>`;", 'config["<<snake>>"] = "<<v>>";',
            "login({ user: '<<user>>', <<n>>: '<<v>>' });", "if (<<n>> === '<<v>>') { console.log('ok'); }",
        ),
        "$",
    ),
    Syntax(
        "typescript", "camel",
        (
            'const <<n>>: string = "<<v>>";', "export const <<upper>> = '<<v>>';", "private readonly <<n>> = '<<v>>';",
            "const options: Options = { host: '<<host>>', <<n>>: '<<v>>' };", "static <<n>>: string = `<<v>>`;",
            "connect({ <<n>>: process.env.<<upper>> ?? '<<v>>' });",
        ),
        "$",
    ),
    Syntax(
        "go", "camel",
        (
            '<<n>> := "<<v>>"', 'const <<n>> = "<<v>>"', "var <<pascal>> string = `<<v>>`",
            'os.Setenv("<<upper>>", "<<v>>")', 'cfg := Config{Host: "<<host>>", <<pascal>>: "<<v>>"}',
            "// <<n>>: <<v>>",
        ),
    ),
    Syntax(
        "java", "camel",
        (
            'String <<n>> = "<<v>>";', 'private static final String <<upper>> = "<<v>>";',
            'config.set<<pascal>>("<<v>>");', 'props.put("<<snake>>", "<<v>>");',
            'System.setProperty("app.<<kebab>>", "<<v>>");', 'builder.user("<<user>>").<<n>>("<<v>>").build();',
            '@Value("${app.<<kebab>>:<<v>>}") String <<n>>;',
        ),
        "}$",
    ),
    Syntax(
        "c", "snake",
        (
            'const char *<<n>> = "<<v>>";', '#define <<upper>> "<<v>>"', 'static char <<n>>[] = "<<v>>";',
            'strcpy(cfg-><<n>>, "<<v>>");', '/* <<n>>: <<v>> */', '.<<n>> = "<<v>>",',
        ),
    ),
    Syntax(
        "rust", "snake",
        (
            'let <<n>> = "<<v>>";', 'const <<upper>>: &str = "<<v>>";', 'let <<n>> = String::from("<<v>>");',
            'env::set_var("<<upper>>", "<<v>>");',
            'let cfg = Config { <<n>>: "<<v>>".to_string(), ..Default::default() };',
        ),
    ),
    Syntax(
        "ruby", "snake",
        (
            '<<n>> = "<<v>>"', "<<n>> = '<<v>>'", 'ENV["<<upper>>"] = "<<v>>"',
            "connect(host: '<<host>>', <<n>>: '<<v>>')", "config.<<n>> = '<<v>>'", "opts = { :<<n>> => '<<v>>' }",
            "<<n>> = ENV.fetch('<<upper>>', '<<v>>')",
        ),
        "#",
    ),
    Syntax(
        "php", "snake",
        (
            "$<<n>> = '<<v>>';", '$<<camel>> = "<<v>>";', "define('<<upper>>', '<<v>>');", "'<<n>>' => '<<v>>',",
            "$config['<<n>>'] = '<<v>>';", "'<<n>>' => env('<<upper>>', '<<v>>'),", "private $<<camel>> = '<<v>>';",
        ),
        "$",
    ),
    Syntax(
        "csharp", "camel",
        (
            'string <<n>> = "<<v>>";', 'private const string <<pascal>> = "<<v>>";', 'var <<n>> = @"<<v>>";',
            'public string <<pascal>> { get; set; } = "<<v>>";', 'options.<<pascal>> = "<<v>>";',
        ),
    ),
    Syntax(
        "kotlin", "camel",
        (
            'val <<n>> = "<<v>>"', 'private const val <<upper>> = "<<v>>"', 'var <<n>>: String = "<<v>>"',
            'Credentials(user = "<<user>>", <<n>> = "<<v>>")', 'mapOf("<<snake>>" to "<<v>>")',
        ),
        "$",
    ),
    Syntax(
        "swift", "camel",
        (
            'let <<n>> = "<<v>>"', 'static let <<n>>: String = "<<v>>"', 'login(user: "<<user>>", <<n>>: "<<v>>")',
            'private var <<n>> = "<<v>>"', 'let headers = ["<<kebab>>": "<<v>>"]',
        ),
    ),
    Syntax(
        "shell", "upper",
        (
            'export <<n>>="<<v>>"', "<<n>>='<<v>>'", "export <<n>>=<<v>>", '<<snake>>="<<v>>"', "# <<n>>=<<v>>",
            '<<n>>=<<v>> ./deploy.sh --all', '<<n>>="${<<n>>:-<<v>>}"',
        ),
        "!$&;*?#~`}",
    ),
)}  # fmt: skip

CONFIG: dict[str, Syntax] = {s.name: s for s in (
    Syntax(
        "env", "upper", ("<<n>>=<<v>>", '<<n>>="<<v>>"', "<<n>>='<<v>>'", "export <<n>>=<<v>>", "# <<n>>=<<v>>"),
        "#$&;`",
    ),
    Syntax(
        "yaml", "snake",
        (
            "<<n>>: <<v>>", '<<n>>: "<<v>>"', "<<n>>: '<<v>>'", "<<camel>>: <<v>>",
            "database: {user: <<user>>, <<n>>: '<<v>>'}", "smtp:\n  host: <<host>>\n  <<n>>: <<v>>",
        ),
        "#!&*%@,?`",
    ),
    Syntax(
        "json", "camel",
        (
            '  "<<n>>": "<<v>>",', '  "<<snake>>": "<<v>>",', '  "db": {"user": "<<user>>", "<<n>>": "<<v>>"},',
            '  "<<pascal>>":"<<v>>",',
        ),
    ),
    Syntax("ini", "snake", ("<<n>> = <<v>>", "<<n>>=<<v>>", '<<n>> = "<<v>>"'), ";#%"),
    Syntax(
        "properties", "kebab",
        ("app.<<n>>=<<v>>", "spring.datasource.<<n>>=<<v>>", "app.<<camel>> = <<v>>", "app.<<n>>: <<v>>"), "#!",
    ),
    Syntax("toml", "snake", ('<<n>> = "<<v>>"', "<<n>> = '<<v>>'", 'db = { user = "<<user>>", <<n>> = "<<v>>" }')),
    Syntax(
        "xml", "camel",
        (
            "  <<<n>>><<v>></<<n>>>", '  <add key="<<pascal>>" value="<<v>>" />', '  <server <<n>>="<<v>>" port="25"/>',
            '  <property name="<<n>>"><<v>></property>', '  <string name="<<snake>>"><<v>></string>',
        ),
        "&",
    ),
    Syntax(
        "dockerfile", "upper", ("ENV <<n>>=<<v>>", "ENV <<n>> <<v>>", 'ENV <<n>>="<<v>>"', "ARG <<n>>=<<v>>"),
        "#$&;`*?",
    ),
    Syntax(
        "terraform", "snake",
        ('  <<n>> = "<<v>>"', '  <<n>>   = "<<v>>"', 'variable "<<n>>" {\n  default = "<<v>>"\n}'), "$%",
    ),
    Syntax(
        "helm-values", "camel",
        (
            "auth:\n  <<n>>: <<v>>", "postgresql:\n  auth:\n    <<n>>: \"<<v>>\"",
            "extraEnv:\n  - name: <<upper>>\n    value: <<v>>",
        ),
        "#!&*%@,?`",
    ),
    Syntax(
        "github-actions", "upper",
        (
            "        env:\n          <<n>>: <<v>>", "          <<kebab>>: <<v>>",
            "      - run: echo ok\n        env:\n          <<n>>: '<<v>>'",
        ),
        "#!&*%@,?`",
    ),
    Syntax(
        "docker-compose", "upper", ("      <<n>>: <<v>>", '      - <<n>>=<<v>>', '      - "<<n>>=<<v>>"'), "#!&*%@,?`$",
    ),
    Syntax("k8s-secret", "kebab", ("  <<n>>: <<vb>>", "  <<upper>>: <<vb>>")),
    Syntax("k8s-string-data", "kebab", ("stringData:\n  <<n>>: <<v>>",), "#!&*%@,?`"),
)}  # fmt: skip

PASSWORD: dict[str, Syntax] = {s.name: s for s in (
    Syntax(
        "sql", "snake",
        (
            "CREATE USER <<user>> WITH PASSWORD '<<v>>';", "ALTER ROLE <<user>> PASSWORD '<<v>>';",
            "CREATE USER '<<user>>'@'localhost' IDENTIFIED BY '<<v>>';",
            "ALTER LOGIN <<user>> WITH PASSWORD = '<<v>>';", "SET PASSWORD FOR '<<user>>'@'%' = PASSWORD('<<v>>');",
        ),
    ),
    Syntax(
        "command-line", "kebab",
        (
            "curl -u <<user>>:<<v>> https://<<host>>/api/v1", "mysql -u <<user>> -p<<v>> <<database>>",
            "tool login --password <<v>>", "tool login --username <<user>> --password=<<v>>",
            "sshpass -p <<v>> ssh <<user>>@<<host>>", "sshpass -p '<<v>>' scp a b:",
            "PGPASSWORD=<<v>> psql -h <<host>> <<database>>", "docker login -u <<user>> -p <<v>> registry.internal",
            "redis-cli -h <<host>> -a <<v>> ping", "wget --user=<<user>> --password='<<v>>' https://<<host>>/a.tgz",
            "echo <<v>> | sudo -S apt-get update", "openssl rsa -in key.pem -passin pass:<<v>>",
            "mongo --host <<host>> -u <<user>> -p <<v>> --authenticationDatabase admin", "zip -P <<v>> -r out.zip data",
            "net use Z: \\\\<<host>>\\share <<v>> /user:<<user>>", "kinit <<user>> <<< <<v>>",
            "htpasswd -b .htpasswd <<user>> <<v>>",
        ),
        "!$&;*?#~`%^",
    ),
    Syntax(
        "URL", "snake",
        (
            "DATABASE_URL=postgres://<<user>>:<<v>>@<<host>>:5432/<<database>>",
            "url: mysql://<<user>>:<<v>>@<<host>>/<<database>>",
            "mongodb+srv://<<user>>:<<v>>@<<host>>/<<database>>?retryWrites=true", "redis://:<<v>>@<<host>>:6379/0",
            'broker = "amqp://<<user>>:<<v>>@<<host>>:5672//"',
            "git clone https://<<user>>:<<v>>@<<host>>/group/repo.git", "ftp://<<user>>:<<v>>@<<host>>/pub",
            'engine = create_engine("postgresql+psycopg2://<<user>>:<<v>>@<<host>>/<<database>>")',
            "https_proxy=http://<<user>>:<<v>>@<<host>>:3128", "smtp://<<user>>:<<v>>@<<host>>:587",
        ),
        "!$&;*?#~`%^@/+,=",
    ),
    Syntax(
        "connection-string", "pascal",
        (
            'ConnectionString = "Server=<<host>>;Database=<<database>>;User Id=<<user>>;Password=<<v>>;"',
            "Server=tcp:<<host>>,1433;Uid=<<user>>;Pwd=<<v>>;Encrypt=yes;",
            'dsn = "host=<<host>> user=<<user>> password=<<v>> sslmode=require"',
            "jdbc:mysql://<<host>>:3306/<<database>>?user=<<user>>&password=<<v>>",
            "Data Source=<<host>>;User ID=<<user>>;Password=<<v>>",
            "jdbc:oracle:thin:<<user>>/<<v>>@<<host>>:1521:<<database>>",
        ),
        "!$&;*?#~`%^@/=,",
    ),
    Syntax(
        "netrc", "snake",
        ("machine <<host>> login <<user>> password <<v>>", "machine <<host>>\n  login <<user>>\n  password <<v>>"), "#",
    ),
    Syntax("pgpass", "snake", ("<<host>>:5432:<<database>>:<<user>>:<<v>>", "*:*:*:<<user>>:<<v>>"), ":#"),
    Syntax("npmrc", "snake", ("//<<host>>/:_password=<<vb>>", "_auth=<<vu>>"), "#"),
    Syntax(
        "text", "snake",
        (
            "Login: <<user>>, password: <<v>>", "The password is <<v>> (do not share).", "user <<user>> / pass <<v>>",
            "WLAN-Passwort: <<v>>", "mot de passe : <<v>>", "contraseña: <<v>>", "pw: <<v>>",
        ),
        ".,;?!",
    ),
)}  # fmt: skip
