"""What is said around a value: in comments, in strings, and names of what it is assigned to. `{kind}` is a value,
`[phrase]` a phrase in capitals that is nobody's name, `[hash]` what looks like a key and is none."""

COMMENTS = (
    "thanks to {name}", "Thanks to {name} for the fix", "reported by {name}", "as {name} said", "{name} wrote this",
    "ask {name} before changing this", "written by {name} in 2014", "based on code of {name}", "with help from {name}",
    "reviewed by {name} and {name}", "{name}, {name} and {name} tested it", "see the mail of {name} on the list",
    "idea: {name}", "({name}, 2009-03-14)", "TODO: {name} wants this changed", "Patch by {name} <{email}>",
    "original version: {name} ({email})", "contact {email} for questions", "mail {email}", "bugs to {email}",
    "von {name}, siehe Ticket 41", "Dank an {name}", "merci à {name}", "écrit par {name}", "gracias a {name}",
    "escrito por {name}", "dzięki {name}", "call {phone} if it fails", "support: {phone}", "{name}, phone {phone}",
    "{username} broke this", "ping {username}", "fix suggested by {username}", "TODO {username}: remove",
    "{username} says that it is slow", "log in as {username} with {password}", "the password is {password}",
    "password for the test account: {password}", "user {username}, password {password}", "use the key {key}",
    "old token was {key}", "secret: {key}", "runs on {ip}", "production is at {ip}", "the server {ip} refuses this",
    "works with [phrase]", "see the [phrase] for more", "owing to [phrase]", "as in [phrase]", "based on [phrase]",
    "commit [hash]", "see [hash] for the reason", "checksum [hash]", "The [phrase] of this is not checked",
)  # fmt: skip
STRINGS = (
    "{name}", "{name}", "{name}", "{email}", "{key}", "{ip}", "{phone}", "Created by {name}",
    "{name} <{email}>", "Dear {name},", "Hello {name}", "user {username} logged in", "[phrase]", "[phrase]", "[hash]",
    "Connection to {ip} failed", "Copyright {name}", "Call {phone}", "sent to {email}", "Welcome to [phrase]",
)  # fmt: skip
ASSIGNED = (
    ("password", "{password}"), ("db_password", "{password}"), ("userPassword", "{password}"), ("pwd", "{password}"),
    ("PASSWORD", "{password}"), ("passphrase", "{password}"), ("admin_pass", "{password}"), ("api_key", "{key}"),
    ("apiKey", "{key}"), ("SECRET_KEY", "{key}"), ("token", "{key}"), ("access_token", "{key}"), ("authToken", "{key}"),
    ("client_secret", "{key}"), ("author", "{name}"), ("full_name", "{name}"), ("owner", "{name}"),
    ("user", "{username}"),
    ("username", "{username}"), ("login", "{username}"), ("email", "{email}"), ("contact", "{email}"), ("host", "{ip}"),
    ("server_ip", "{ip}"), ("phone", "{phone}"), ("title", "[phrase]"), ("label", "[phrase]"), ("name", "[phrase]"),
    ("sha256", "[hash]"), ("checksum", "[hash]"), ("revision", "[hash]"), ("etag", "[hash]"),
)  # fmt: skip
