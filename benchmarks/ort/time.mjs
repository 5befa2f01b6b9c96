// Times ONNX Runtime on a model: node time.mjs MODEL.onnx [THREADS] [RUNS] [NAME=1,3,H,W...]. Prints JSON.
import { feeds, ort } from './inputs.mjs';

const [, , model, threads = '1', runs = '50', ...shapes] = process.argv;
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: 'all', logSeverityLevel: 3,
});
const given = feeds(session, shapes);
for (let i = 0; i < 3; i++) await session.run(given);
const times = [];
for (let i = 0; i < Number(runs); i++) {
  const begin = performance.now();
  await session.run(given);
  times.push(performance.now() - begin);
}
console.log(JSON.stringify({ times_ms: times }));
