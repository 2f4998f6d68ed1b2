// llama.cpp as node-llama-cpp brings it, behind a socket: argv holds that package's folder, a GGUF file, the context of
// one user, the users, the threads, the tokens of a batch, whether flash attention is on, and a file with the bytes of
// each token. Each user has a connection, and a sequence with a context of its own, of which the common beginning is kept
// from request to request; what runs at once shares batches. A line of JSON asks, {id, ids, most, stops, again}; the
// answer begins with the bytes `again`, which a bias sees to, and ends with a line where `stops` is true. Each token is
// answered by a line `id token`, the end by `id -1`. A newer request of the user ends the older one before its next
// token, and so does {id, cancel: true}. Bytes are characters of the same numbers.
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, modelPath, contextSize, sequences, threads, batchSize, flash, tokensPath] = process.argv.slice(2);
const { getLlama, TokenBias } = await import(pathToFileURL(`${folder}/node_modules/node-llama-cpp/dist/index.js`));
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: "error", maxThreads: +threads });
const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
const context = await model.createContext({
  contextSize: +contextSize, sequences: +sequences, batchSize: +batchSize, threads: +threads, flashAttention: flash === "1",
});
const bytesOf = JSON.parse(readFileSync(tokensPath, "utf8"));
const newlines = new Set(bytesOf.flatMap((text, id) => (text.includes("\n") ? [id] : [])));
const agreeing = new Map([["", undefined]]);
const free = Array.from({ length: +sequences }, () => context.getSequence());

function biasTo(again) {
  if (!agreeing.has(again)) {
    const fits = bytesOf.flatMap((text, id) => (text && (text.startsWith(again) || again.startsWith(text)) ? [id] : []));
    agreeing.set(again, TokenBias.for(model).set(fits, { logit: 1000 }));
  }
  return agreeing.get(again);
}

async function generate(sequence, asked, isWanted, tell) {
  await sequence.adaptStateToTokens(asked.ids, false);
  if (sequence.nextTokenIndex >= asked.ids.length)
    await sequence.eraseContextTokenRanges([{ start: asked.ids.length - 1, end: sequence.nextTokenIndex }]);
  if (!isWanted()) return;
  let again = asked.again, count = 0;
  const options = { temperature: 0, yieldEogToken: true, ...(again ? { tokenBias: () => biasTo(again) ?? none } : {}) };
  const tokens = sequence.evaluate(asked.ids.slice(sequence.nextTokenIndex), options);
  for await (const token of tokens) {
    if (!isWanted() || model.isEogToken(token)) break;
    tell(token);
    again = again.slice(bytesOf[token].length);
    if ((asked.stops && newlines.has(token)) || ++count >= asked.most) break;
  }
}

const none = TokenBias.for(model);
const server = createServer((socket) => {
  const sequence = free.pop();
  let newest = -1, running = Promise.resolve();
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("close", () => { newest = -1; running.then(() => free.push(sequence)); });
  createInterface({ input: socket }).on("line", (line) => {
    const asked = JSON.parse(line);
    if (asked.cancel) { if (newest === asked.id) newest = -1; return; }
    newest = asked.id;
    running = running.then(async () => {
      const isWanted = () => newest === asked.id;
      try {
        if (isWanted()) await generate(sequence, asked, isWanted, (token) => socket.write(`${asked.id} ${token}\n`));
      } catch (error) {
        console.error(String(error));
        socket.write(`${asked.id} -2\n`);
      }
      socket.write(`${asked.id} -1\n`);
    });
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
