// Times ONNX Runtime on a model: node time.mjs MODEL.onnx [THREADS] [RUNS]. Needs `npm install onnxruntime-node`.
import ort from 'onnxruntime-node';

const [, , model, threads = '1', runs = '50'] = process.argv;
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: 'all', logSeverityLevel: 3,
});
const feeds = {};
for (const input of session.inputMetadata) {
  const shape = input.shape.map((d) => (typeof d === 'number' ? d : 1));
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7919) % 255) / 255);
  feeds[input.name] = new ort.Tensor('float32', data, shape);
}
for (let i = 0; i < 5; i++) await session.run(feeds);
const times = [];
for (let i = 0; i < Number(runs); i++) {
  const begin = performance.now();
  await session.run(feeds);
  times.push(performance.now() - begin);
}
times.sort((a, b) => a - b);
const at = (q) => times[Math.min(times.length - 1, Math.floor(times.length * q))].toFixed(2);
console.log(JSON.stringify({ model, threads: Number(threads), min_ms: at(0), median_ms: at(0.5), p90_ms: at(0.9) }));
