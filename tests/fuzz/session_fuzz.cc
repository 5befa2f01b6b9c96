// A mutated model through sessions as hostile callers drive them: shapes in turns, op lists, several threads, any values in the
// inputs. One thread and several must agree, in bytes and in refusals.
#include <cmath>
#include <limits>
#include <vector>

#include "runtime/core/model.h"
#include "runtime/core/op.h"
#include "tests/fuzz/change_octet.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/session_input.h"

namespace octet::fuzz {
namespace {

SessionOptions options_of(Choices& choices, const ModelData& model) {
  SessionOptions options;
  options.precision = choices.range(0, 3) ? Precision::kInt8 : Precision::kF32;
  options.use_onednn = false;
  options.plans_kept = choices.range(-1, 3);
  options.kept_bytes = choices.range(0, 2) ? 0 : size_t{1} << choices.range(1, 20);
  options.memory_limit = choices.range(0, 3) ? kMemory : size_t{1} << choices.range(8, 25);
  options.profile = choices.flag();
  const int lists = choices.range(0, 7);
  const uint16_t names = choices.any<uint16_t>();
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    const NodeDef& node = model.nodes[i];
    if ((names >> i % 16 & 1) == 0) continue;
    if (lists & 1)
      for (const std::string_view name : node.kind->names(node)) options.int8_ops.emplace_back(name);
    if (lists & 2) options.int8_exclude.emplace_back(node.name);
  }
  if (lists == 7) options.int8_exclude.emplace_back("no such node");
  return options;
}

Shape shape_of(Choices& choices, const Shape& declared) {
  constexpr int64_t kUsual[] = {1, 2, 3, 5, 8, 9, 16, 17},
                    kHostile[] = {0, -1, 7, 65535, INT64_MAX, INT64_MIN, 1LL << 40};
  Shape shape = declared;
  const bool hostile = choices.range(0, 15) == 0;
  for (int d = 0; d < shape.rank(); ++d)
    if (hostile)
      shape[d] = choices.one_of(kHostile);
    else if (shape[d] < 0)
      shape[d] = choices.one_of(kUsual);
  if (hostile && choices.flag()) shape.push_back(1);
  return shape;
}

template <class T>
void fill_integers(std::span<T> values, int kind, std::minstd_rand& random) {
  constexpr T kCorners[] = {std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), 0, 1, static_cast<T>(-1)};
  for (T& v : values) {
    if (kind == 0)
      v = static_cast<T>(random() % 2);
    else if (kind == 1)
      v = static_cast<T>(static_cast<int>(random() % 16) - 3);
    else
      v = kind == 2 ? kCorners[random() % std::size(kCorners)] : static_cast<T>(uint64_t{random()} * random());
  }
}

void fill(const Tensor& t, int kind, uint32_t seed) {
  constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kCorners[] = {kInf, -kInf, kNan, -0.0f, 3e38f, -3e38f, 1e-40f, 2147483648.0f, -9.3e18f, 1};
  std::minstd_rand random(seed);
  for (float& v : t.f32()) {
    v = static_cast<float>(random() % 2001) / 250.0f - 4.0f;
    if (kind == 3 || (kind > 0 && random() % 4 == 0)) v = kCorners[random() % std::size(kCorners)];
  }
  fill_integers(t.s64(), kind, random);
  fill_integers(t.s32(), kind, random);
  fill_integers(t.s8(), kind, random);
  fill_integers(t.u8(), kind, random);
  for (uint8_t& v : t.boolean()) v = static_cast<uint8_t>(kind == 3 ? random() : random() % 2);
}

bool same(const Tensor& a, const Tensor& b) {
  if (a.shape != b.shape || a.dtype != b.dtype) return false;
  const auto x = a.f32(), y = b.f32();
  for (size_t i = 0; i < x.size(); ++i)
    if (std::memcmp(&x[i], &y[i], sizeof x[i]) != 0 && !(std::isnan(x[i]) && std::isnan(y[i]))) return false;
  return a.dtype == DType::kF32 || a.bytes().empty() || std::memcmp(a.data, b.data, a.bytes().size()) == 0;
}

// Both went well; they fail alike, but that scratch memory grows with the threads.
bool agree(const Result<void>& a, const Result<void>& b) {
  if (a && b) return true;
  const auto short_of_memory = [](const Result<void>& r) { return !r && r.error().code == Code::kMemory; };
  if ((a || b) && !short_of_memory(a) && !short_of_memory(b)) fail("threads decide: " + (a ? b : a).error().text);
  return false;
}

void within_limit(const Session& session, const SessionOptions& options, bool prepared) {
  if (prepared && session.memory_bytes() > options.memory_limit) fail("more memory than the limit");
}

// New shapes, new values, a run of each session.
void turn(const Model& model, const SessionOptions& options, Session& one, Session& many, Choices& choices) {
  const auto inputs = model.inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Shape shape = shape_of(choices, inputs[i].shape);
    agree(one.resize_input(static_cast<int>(i), shape), many.resize_input(static_cast<int>(i), shape));
  }
  const auto ready = one.prepare(), others = many.prepare();
  within_limit(one, options, static_cast<bool>(ready)), within_limit(many, options, static_cast<bool>(others));
  if (!agree(ready, others) || !small(one)) return;
  const int kind = choices.range(0, 3);
  const auto seed = choices.any<uint16_t>();
  for (size_t i = 0; i < inputs.size(); ++i)
    for (Session* session : {&one, &many}) fill(session->input(static_cast<int>(i)), kind, seed);
  if (choices.range(0, 7) == 0) {
    const std::atomic<bool> cancel = true;
    const auto ended = many.run({.cancel = &cancel});
    if (ended || ended.error().code != Code::kCancelled) fail("a run that is to end goes on");
  }
  const auto ran = one.run(), also = many.run();
  within_limit(one, options, static_cast<bool>(ran)), within_limit(many, options, static_cast<bool>(also));
  if (!agree(ran, also)) return;
  for (int i = 0; i < static_cast<int>(model.outputs().size()); ++i)
    if (!same(one.output(i), many.output(i))) fail("threads change output " + std::to_string(i));
}

void try_input(std::span<const uint8_t> data) {
  if (data.size() <= kSessionChoices) return;
  Choices choices(data.first(kSessionChoices));
  const auto bytes = std::as_bytes(data.subspan(kSessionChoices));
  std::vector<std::byte> file(bytes.begin(), bytes.end());
  rehash(file);
  const auto model = Model::from_bytes(file, "fuzz.octet");
  if (!model) return;
  SessionOptions options = options_of(choices, model->data());
  auto one = Session::create(*model, options);
  options.threads = threads(choices.range(2, 4));
  auto many = Session::create(*model, options);
  const auto made = [](const Result<Session>& s) { return s ? Result<void>() : Result<void>(s.error()); };
  if (!agree(made(one), made(many))) return;
  for (int turns = choices.range(1, 4); turns > 0; --turns) turn(*model, options, *one, *many, choices);
}

// The file behind the choices, or one of the choices.
size_t change_input(std::span<uint8_t> data, size_t size, std::minstd_rand& random) {
  if (size <= kSessionChoices) return 0;
  if (random() % 3 == 0) {
    data[random() % kSessionChoices] = static_cast<uint8_t>(random());
    return size;
  }
  const size_t changed = change_octet(data.subspan(kSessionChoices), size - kSessionChoices, random);
  return changed ? kSessionChoices + changed : 0;
}

}  // namespace
}  // namespace octet::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return octet::fuzz::mutate({data, max_size}, size, seed, octet::fuzz::change_input);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  octet::fuzz::try_input({data, size});
  return 0;
}
