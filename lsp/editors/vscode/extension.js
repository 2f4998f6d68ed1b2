// Midstream in VS Code: starts `midstream lsp`; the client library offers its inline completions by itself.

const { workspace, commands } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function started() {
  const settings = workspace.getConfiguration("midstream");
  const [command, ...args] = settings.get("command");
  const documentSelector = [{ scheme: "file" }, { scheme: "untitled" }, { scheme: "vscode-notebook-cell" }];
  const initializationOptions = settings.get("options");
  client = new LanguageClient("midstream", "Midstream", { command, args }, { documentSelector, initializationOptions });
  return client.start();
}

async function activate(context) {
  context.subscriptions.push(
    commands.registerCommand("midstream.restart", async () => {
      await deactivate();
      await started();
    }),
  );
  await started();
}

async function deactivate() {
  await client?.dispose();
  client = undefined;
}

module.exports = { activate, deactivate };
