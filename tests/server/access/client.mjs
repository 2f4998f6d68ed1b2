// A client in another language: argv holds the folder of the packages and a job as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, text] = process.argv.slice(2);
const job = JSON.parse(text);
const require = createRequire(`${folder}/node_modules/`);
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

const load = (file, root) => grpc.loadPackageDefinition(
  protoLoader.loadSync(file, { includeDirs: [root], keepCase: true, longs: String, enums: String, defaults: true }));
const { midstream } = load("midstream/v1/infill.proto", job.protos);
const { grpc: standard } = load("health.proto", job.health);
const tls = grpc.credentials.createSsl(readFileSync(job.ca));
const withToken = (token) => grpc.credentials.combineChannelCredentials(tls, grpc.credentials.createFromMetadataGenerator(
  (_, done) => { const metadata = new grpc.Metadata(); metadata.set("authorization", `Bearer ${token}`); done(null, metadata); }));
const client = new midstream.v1.InfillService(job.address, withToken(job.token));
const results = {};

const whole = (client, method, request) => new Promise((resolve) =>
  client[method](request, (error, response) => resolve(error ? { code: grpc.status[error.code], details: error.details } : response)));
const stream = (client, request, onData = () => {}) => new Promise((resolve) => {
  const responses = [], call = client.Infill(request);
  call.on("data", (response) => { responses.push(response); onData(call); });
  call.on("error", (error) => resolve({ code: grpc.status[error.code], details: error.details, responses: responses.length }));
  call.on("end", () => resolve(responses));
});

const asked = { prefix: job.prefix, suffix: job.suffix, max_tokens: job.most };
const responses = await stream(client, asked);
results.text = responses.map((response) => response.text).join("");
results.finish = responses.map((response) => response.finish_reason);
results.version = responses.at(-1).model_version;
results.seeded = [await stream(client, { ...asked, temperature: 20, seed: job.seed }), await stream(client, { ...asked, temperature: 20, seed: job.seed })]
  .map((drawn) => drawn.map((response) => response.text).join(""));
results.cancelled = await stream(client, { ...asked, max_tokens: 64, temperature: 3, seed: "3" }, (call) => call.cancel());
results.score = await whole(client, "Score", { prefix: job.prefix, middle: "x" });
results.models = (await whole(client, "Models", {})).models;
results.model = await whole(client, "Model", {});
results.unknown = await whole(client, "Model", { model: "nowhere" });
results.wrong = await stream(client, { ...asked, until: "UNTIL_LINE", temperature: Number.NaN });
results.stranger = await stream(new midstream.v1.InfillService(job.address, withToken("none")), asked);
results.nobody = await whole(new midstream.v1.InfillService(job.address, tls), "Models", {});
results.health = await whole(new standard.health.v1.Health(job.address, tls), "Check", { service: "midstream.v1.InfillService" });
results.plain = await whole(new midstream.v1.InfillService(job.address, grpc.credentials.createInsecure()), "Models", {});
console.log(JSON.stringify(results));
process.exit(0);
