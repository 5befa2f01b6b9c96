// Times ONNX Runtime on a model: node time.mjs MODEL.onnx [THREADS] [RUNS] [NAME=1,3,H,W...], in a folder with a
// copy of our package.json and package-lock.json where `npm ci --ignore-scripts` was done. Prints JSON.
import { createRequire } from 'node:module';

const ort = createRequire(`${process.cwd()}/`)('onnxruntime-node');
const [, , model, threads = '1', runs = '50', ...shapes] = process.argv;
const given = new Map(shapes.map((s) => [s.slice(0, s.lastIndexOf('=')), s.slice(s.lastIndexOf('=') + 1).split(',').map(Number)]));
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: 'all', logSeverityLevel: 3,
});
const arrays = { float32: Float32Array, uint8: Uint8Array, int8: Int8Array, int32: Int32Array };
const feeds = {};
for (const input of session.inputMetadata) {
  const shape = given.get(input.name) ?? input.shape.map((d) => (typeof d === 'number' && d > 0 ? d : 1));
  const count = shape.reduce((a, b) => a * b, 1);
  const value = (i) => ((i * 7919) % 255) / (input.type === 'float32' ? 255 : 1);
  const data = input.type === 'int64' ? BigInt64Array.from({ length: count }, () => 1n)
    : arrays[input.type].from({ length: count }, (_, i) => value(i));
  feeds[input.name] = new ort.Tensor(input.type, data, shape);
}
for (let i = 0; i < 3; i++) await session.run(feeds);
const times = [];
for (let i = 0; i < Number(runs); i++) {
  const begin = performance.now();
  await session.run(feeds);
  times.push(performance.now() - begin);
}
console.log(JSON.stringify({ times_ms: times }));
