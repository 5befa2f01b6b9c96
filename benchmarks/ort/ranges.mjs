// Two steps of quantize.py that ONNX Runtime does: node ranges.mjs simplify MODEL OUT | ranges MODEL [NAME=1,3,H,W...].
// simplify writes the model as its level "basic" leaves it; ranges prints the least and the largest value of each float tensor.
import { feeds, ort } from './inputs.mjs';

const [, , step, model, ...rest] = process.argv;
const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 };
if (step === 'simplify') {
  await ort.InferenceSession.create(model, { ...options, graphOptimizationLevel: 'basic', optimizedModelFilePath: rest[0] });
} else {
  const session = await ort.InferenceSession.create(model, { ...options, graphOptimizationLevel: 'disabled' });
  const given = feeds(session, rest);
  const ranges = {};
  for (const [name, tensor] of Object.entries({ ...given, ...(await session.run(given)) })) {
    if (tensor.type !== 'float32' || !tensor.data.length) continue;
    let low = Infinity, high = -Infinity;
    for (const v of tensor.data) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
    ranges[name] = [low, high].map((v) => (Number.isFinite(v) ? v : 0));
  }
  console.log(JSON.stringify(ranges));
}
