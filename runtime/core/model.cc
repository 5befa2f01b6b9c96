// Loading: maps an .octet file and verifies everything in it. After this file nothing in a model is checked again but shapes.
#include "runtime/core/model.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>

#include "runtime/core/aligned.h"
#include "runtime/core/float_environment.h"
#include "runtime/core/memory.h"
#include "runtime/core/op.h"
#include "runtime/core/stored_once.h"
#include "schema/format.h"

namespace octet {

DType dtype_of(schema::DType t) {
  switch (t) {
    case schema::DType::u8:
      return DType::kU8;
    case schema::DType::s8:
      return DType::kS8;
    case schema::DType::s32:
      return DType::kS32;
    case schema::DType::s64:
      return DType::kS64;
    case schema::DType::boolean:
      return DType::kBool;
    default:
      return DType::kF32;
  }
}

namespace {

static_assert(schema::kMaxTensorRank == static_cast<size_t>(kMaxRank));

// Fills a ModelData from the verified flatbuffer; every member either succeeds or says what is wrong.
bool is_byte(DType type) { return type == DType::kU8 || type == DType::kS8; }

// Ops that make and read u8 and s8 which are no constants.
bool takes_bytes(schema::Op op) {
  return op == schema::Op::Cast || op == schema::Op::Transpose || op == schema::Op::Reshape;
}

class Loader {
 public:
  Loader(ModelData& model, const schema::Model& graph, std::span<const std::byte> weights)
      : model_(model), graph_(graph), weights_(weights) {}

  Result<void> load() {
    if (!graph_.tensors() || !graph_.outputs() || graph_.outputs()->size() == 0)
      return bad("the graph has no tensors or no outputs");
    OCTET_TRY(within("tensors", graph_.tensors(), schema::kMaxTensors));
    OCTET_TRY(within("nodes", graph_.nodes(), schema::kMaxNodes));
    for (unsigned i = 0; i < graph_.tensors()->size(); ++i) OCTET_TRY(tensor(*graph_.tensors()->Get(i)));
    defined_.assign(model_.tensors.size(), false);
    for (size_t i = 0; i < defined_.size(); ++i) defined_[i] = model_.tensors[i].constant;
    if (graph_.inputs())
      for (int t : *graph_.inputs()) OCTET_TRY(input(t));
    OCTET_TRY(shared_constants());
    if (graph_.nodes())
      for (const schema::Node* n : *graph_.nodes()) OCTET_TRY(node(*n));
    for (int t : *graph_.outputs()) OCTET_TRY(output(t));
    if (graph_.int8_ops())
      for (const auto* name : *graph_.int8_ops()) model_.int8_ops.push_back(name->string_view());
    if (graph_.metadata())
      for (const auto* kv : *graph_.metadata())
        model_.metadata.emplace_back(kv->key() ? kv->key()->string_view() : "",
                                     kv->value() ? kv->value()->string_view() : "");
    return {};
  }

 private:
  template <class... Parts>
  Error bad(const Parts&... parts) const {
    return error(Code::kBadModel, model_.name, ": ", parts...,
                 "; the file is damaged or was not written by Octet's converter");
  }

  template <class Vector>
  Result<void> within(const char* what, const Vector* list, size_t most) const {
    if (!list || list->size() <= most) return {};
    return error(Code::kUnsupported, model_.name, ": ", list->size(), " ", what, ", more than the ", most,
                 " that an .octet file may have; split the model");
  }

  // Nodes that share a constant each take their time for it, when they are loaded and when they are prepared.
  Result<void> shared_constants() const {
    const uint64_t most = std::max<uint64_t>(schema::kMaxOperandBytes, weights_.size());
    uint64_t bytes = 0;
    if (graph_.nodes())
      for (const schema::Node* n : *graph_.nodes())
        if (n->inputs())
          for (int t : *n->inputs())
            if (valid(t) && bytes <= most) bytes += model_.tensors[static_cast<size_t>(t)].bytes;
    if (bytes <= most) return {};
    return error(Code::kUnsupported, model_.name, ": nodes share constants until their operands have more than the ",
                 most, " bytes that an .octet file may give them; split the model");
  }

  Result<void> tensor(const schema::Tensor& t) {
    TensorDef def;
    if (t.name()) def.name = t.name()->string_view();
    if (!aligned(t)) return bad("tensor '", def.name, "': misaligned sizes");
    if (t.dtype() > schema::DType::MAX || t.packing() > schema::Packing::MAX)
      return bad("tensor '", def.name, "': unknown type");
    def.dtype = dtype_of(t.dtype());
    if (t.shape() && t.shape()->size() > kMaxRank) return bad("tensor '", def.name, "': rank over ", kMaxRank);
    int64_t elements = 1;
    if (t.shape())
      for (int64_t d : *t.shape()) {
        if (d < -1 || (d < 0 && t.constant())) return bad("tensor '", def.name, "': size ", d);
        if (d >= 0 && (!checked_mul(elements, d, &elements) || elements > schema::kMaxElements))
          return bad("tensor '", def.name, "': too large");
        def.shape.push_back(d);
      }
    OCTET_TRY(quant(t, def));
    if (t.constant()) OCTET_TRY(constant(t, def, elements));
    model_.tensors.push_back(def);
    return {};
  }

  Result<void> quant(const schema::Tensor& t, TensorDef& def) {
    if (!t.quant()) return {};
    const auto* scale = t.quant()->scale();
    const auto* zero = t.quant()->zero_point();
    if (!scale || !zero || scale->size() == 0 || scale->size() != zero->size() || def.dtype != DType::kF32)
      return bad("tensor '", def.name, "': incomplete quantisation");
    const int64_t last = def.shape.rank() ? def.shape[-1] : 1;
    if (scale->size() > 1 && last >= 0 && last != scale->size())
      return bad("tensor '", def.name, "': ", scale->size(), " scales for ", last, " channels");
    for (float s : *scale)
      if (!std::isfinite(s) || s <= 0) return bad("tensor '", def.name, "': scale ", s);
    def.quant = {{scale->data(), scale->size()}, {zero->data(), zero->size()}};
    return {};
  }

  Result<void> constant(const schema::Tensor& t, TensorDef& def, int64_t elements) {
    def.constant = true;
    def.packing = t.packing();
    if (t.offset() % schema::kAlignment || t.offset() > weights_.size() || t.bytes() > weights_.size() - t.offset())
      return bad("tensor '", def.name, "': data outside the weight segment");
    def.data = weights_.data() + t.offset();
    def.bytes = t.bytes();
    if (steers(def.dtype)) {
      def.data = copied(t.offset(), t.bytes());
      if (!def.data) return bad("tensor '", def.name, "': integer constants that overlap");
    }
    if (def.packing == schema::Packing::dense && def.bytes != static_cast<uint64_t>(elements) * size_of(def.dtype))
      return bad("tensor '", def.name, "': ", def.bytes, " bytes for ", elements, " elements");
    if (def.packing == schema::Packing::conv_s8 && def.dtype != DType::kS8)
      return bad("tensor '", def.name, "': packing of another type");
    if (t.weight_scale()) def.weight_scale = {t.weight_scale()->data(), t.weight_scale()->size()};
    return {};
  }

  // Whether a constant may decide where something is read or written, and so may not change after its check.
  static bool steers(DType dtype) { return dtype == DType::kS64 || dtype == DType::kS32 || dtype == DType::kBool; }

  // Null: so much was copied that some of it must lie inside other constants.
  const std::byte* copied(size_t offset, size_t bytes) {
    const std::byte*& copy = copies_[{offset, bytes}];
    if (copy || bytes > weights_.size() - copied_bytes_) return copy;
    auto memory = aligned_bytes(bytes);
    std::copy_n(weights_.data() + offset, bytes, memory.get());
    model_.integers.push_back(memory);
    copied_bytes_ += bytes;
    return copy = memory.get();
  }

  bool valid(int t) const { return t >= 0 && static_cast<size_t>(t) < model_.tensors.size(); }

  Result<void> input(int t) {
    if (!valid(t) || defined_[static_cast<size_t>(t)]) return bad("graph input ", t, " does not exist or stands twice");
    if (is_byte(model_.tensors[static_cast<size_t>(t)].dtype))
      return bad("graph input ", t, " is ", name_of(model_.tensors[static_cast<size_t>(t)].dtype));
    defined_[static_cast<size_t>(t)] = true;
    model_.inputs.push_back(t);
    return {};
  }

  Result<void> output(int t) {
    if (!valid(t) || !defined_[static_cast<size_t>(t)]) return bad("graph output ", t, " is never made");
    model_.outputs.push_back(t);
    return {};
  }

  Result<void> node(const schema::Node& n) {
    NodeDef def;
    if (n.name()) def.name = n.name()->string_view();
    if (n.inputs() && n.inputs()->size() > schema::kMaxNodeTensors)
      return bad("node '", def.name, "': ", n.inputs()->size(), " inputs, more than ", schema::kMaxNodeTensors);
    def.act16 = n.act16();
    if (n.fused())
      for (const auto* name : *n.fused()) def.fused.push_back(name->string_view());
    def.model = &model_;
    def.kind = find_op(n.op_type());
    def.op = n.op();
    if (!def.kind || !def.op)
      return error(Code::kUnsupported, model_.name, ": node '", def.name, "': op ", static_cast<int>(n.op_type()), " (",
                   schema::EnumNameOp(n.op_type()), ") is not built into this runtime");
    if (!aligned(n)) return bad("node '", def.name, "': misaligned attributes");
    if (n.inputs())
      for (int t : *n.inputs()) {
        if (t != -1 && (!valid(t) || !defined_[static_cast<size_t>(t)]))
          return bad("node '", def.name, "': input ", t, " is not made before it");
        def.inputs.push_back(t);
      }
    if (!n.outputs() || static_cast<int>(n.outputs()->size()) != def.kind->outputs)
      return bad("node '", def.name, "': must have ", def.kind->outputs, " outputs");
    for (int t : *n.outputs()) {
      if (!valid(t) || defined_[static_cast<size_t>(t)])
        return bad("node '", def.name, "': output ", t, " exists already");
      defined_[static_cast<size_t>(t)] = true;
      def.outputs.push_back(t);
    }
    if (auto r = check_node(def, model_); !r) return bad(r.error().text);
    model_.nodes.push_back(std::move(def));
    return {};
  }

  ModelData& model_;
  const schema::Model& graph_;
  std::span<const std::byte> weights_;
  std::vector<bool> defined_;
  std::map<std::pair<size_t, size_t>, const std::byte*> copies_;  // of integers, by offset and bytes
  size_t copied_bytes_ = 0;
};

// Files without the key are older than it.
Result<void> check_numerics(const ModelData& model) {
  for (const auto& [key, value] : model.metadata) {
    if (key != schema::kNumericsKey) continue;
    int number = 0;
    const auto [end, wrong] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (wrong != std::errc{} || end != value.data() + value.size() || number < 0)
      return error(Code::kBadModel, model.name, ": numerics '", value, "' is not a number; convert the model again");
    if (number > schema::kNumerics)
      return error(Code::kUnsupported, model.name, ": computes by numerics ", number, ", this runtime knows up to ",
                   schema::kNumerics,
                   "; use a newer runtime, or convert the source model with this version's octet-convert");
  }
  return {};
}

Result<std::shared_ptr<const ModelData>> load(std::shared_ptr<const std::byte> file, size_t bytes, std::string name) {
  const FloatEnvironment environment;
  auto model = std::make_shared<ModelData>();
  model->name = std::move(name);
  model->file_bytes = bytes;
  auto bad = [&](const char* what) {
    return error(Code::kBadFile, model->name, ": ", what, "; convert the source model again with octet-convert");
  };
  schema::FileHeader h;
  if (bytes < sizeof h) return bad("too short to be an .octet file");
  std::memcpy(&h, file.get(), sizeof h);
  if (std::memcmp(h.magic, schema::kMagic, sizeof h.magic) != 0) return bad("not an .octet file");
  if (h.version_major != schema::kVersionMajor || h.version_minor > schema::kVersionMinor)
    return error(Code::kUnsupported, model->name, ": file version ", h.version_major, ".", h.version_minor,
                 ", this runtime reads ", schema::kVersionMajor, ".", schema::kVersionMinor,
                 "; use a newer runtime or convert the source model again");
  auto inside = [&](uint64_t offset, uint64_t size) { return offset <= bytes && size <= bytes - offset; };
  if (!inside(h.graph_offset, h.graph_bytes) || !inside(h.weights_offset, h.weights_bytes) || h.graph_offset % 8 ||
      h.weights_offset % schema::kAlignment || h.graph_bytes > schema::kMaxGraphBytes || h.graph_bytes < 8)
    return bad("truncated or damaged");
  // Whoever writes to the file while it is mapped changes weights at most, not what was checked here.
  auto copy = aligned_bytes(h.graph_bytes);
  std::copy_n(file.get() + h.graph_offset, h.graph_bytes, copy.get());
  const std::span<const std::byte> graph(copy.get(), h.graph_bytes);
  const std::span weights(file.get() + h.weights_offset, h.weights_bytes);
  if (schema::hash(graph) != h.graph_hash || schema::hash(weights) != h.weights_hash) return bad("checksum mismatch");
  if (!stored_once(graph, *schema::ModelTypeTable()))
    return bad("damaged graph: it nests too deep, or tables share lists");
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(graph.data()), graph.size(), schema::kMaxNesting,
                                 schema::kMaxTables);
  if (!schema::VerifyModelBuffer(verifier)) return bad("damaged graph");
  model->weight_bytes = weights.size();
  model->file = std::move(file);
  model->graph = copy;
  OCTET_TRY(Loader(*model, *schema::GetModel(graph.data()), weights).load());
  OCTET_TRY(check_numerics(*model));
  return std::shared_ptr<const ModelData>(std::move(model));
}

}  // namespace

Result<void> check_node(const NodeDef& node, const ModelData& model) {
  const auto bad = [&](const auto&... parts) { return error(Code::kBadModel, "node '", node.name, "': ", parts...); };
  const int count = static_cast<int>(node.inputs.size());
  if (count < node.kind->min_inputs || count > node.kind->max_inputs) return bad(count, " inputs");
  for (int i = 0; i < node.kind->min_inputs; ++i)
    if (!node.has_input(i)) return bad("input ", i, " is missing");
  if (node.act16 && !node.kind->gives_f32_from_int8) return bad("an activation in 16 bits, which its op has not");
  OCTET_TRY(node.kind->check(node, model));
  for (int i = 0; i < node.kind->outputs; ++i) {
    const DType have = model.output(node, i).dtype;
    const DType out = node.kind->dtype ? node.kind->dtype(node, i) : model.input(node, 0).dtype;
    if (have != out) return bad("output ", i, " of type ", name_of(have), ", expected ", name_of(out));
  }
  // Others would take computed bytes for a quantised form of floats.
  if (!takes_bytes(node.kind->type)) {
    for (int i = 0; i < count; ++i)
      if (node.has_input(i) && is_byte(model.input(node, i).dtype) && !model.input(node, i).constant)
        return bad("input ", i, " is computed ", name_of(model.input(node, i).dtype));
    for (int i = 0; i < node.kind->outputs; ++i)
      if (is_byte(model.output(node, i).dtype)) return bad("output ", i, " is ", name_of(model.output(node, i).dtype));
  }
  return node.kind->check_data ? node.kind->check_data(node, model) : Result<void>();
}

bool same(const Quant& a, const Quant& b) {
  const size_t n = std::max(a.scale.size(), b.scale.size());
  if (a.empty() || b.empty()) return a.empty() && b.empty();
  if (a.per_channel() && b.per_channel() && a.scale.size() != b.scale.size()) return false;
  for (size_t c = 0; c < n; ++c)
    if (a.scale_at(static_cast<int64_t>(c)) != b.scale_at(static_cast<int64_t>(c)) ||
        a.zero_at(static_cast<int64_t>(c)) != b.zero_at(static_cast<int64_t>(c)))
      return false;
  return true;
}

const OpKind* find_op(schema::Op type) {
  for (const OpKind* kind : all_ops())
    if (kind->type == type) return kind;
  return nullptr;
}

static Result<std::shared_ptr<const ModelData>> map_file(const std::string& path) {
  // A pipe is refused below; to open it must not wait for a writer.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return octet::error(Code::kIo, path, ": ", std::strerror(errno));
  struct stat st;
  const bool regular = ::fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
  const size_t bytes = regular ? static_cast<size_t>(st.st_size) : 0;
  void* memory = bytes ? ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
  ::close(fd);
  if (memory == MAP_FAILED) return octet::error(Code::kBadFile, path, ": not a regular file with content");
  std::shared_ptr<const std::byte> file(static_cast<const std::byte*>(memory),
                                        [bytes](const std::byte* p) { ::munmap(const_cast<std::byte*>(p), bytes); });
  return load(std::move(file), bytes, path);
}

Result<Model> Model::map(const std::string& path) {
  auto data = without_throwing(path, [&] { return map_file(path); });
  if (!data) return data.error();
  return model_of(std::move(*data));
}

Result<Model> Model::from_bytes(std::span<const std::byte> bytes, std::string name) {
  auto data = without_throwing(name, [&] {
    auto copy = aligned_bytes(bytes.size());
    std::copy(bytes.begin(), bytes.end(), copy.get());
    return load(std::move(copy), bytes.size(), name);
  });
  if (!data) return data.error();
  return model_of(std::move(*data));
}

static std::vector<TensorInfo> describe(const ModelData& m, const std::vector<int>& tensors) {
  std::vector<TensorInfo> infos;
  for (int t : tensors) {
    const TensorDef& def = m.tensors[static_cast<size_t>(t)];
    infos.push_back({def.name, def.dtype, def.shape});
  }
  return infos;
}

struct ModelInside {
  static Model of(std::shared_ptr<const ModelData> data) {
    Model model;
    model.data_ = std::move(data);
    return model;
  }
};

Model model_of(std::shared_ptr<const ModelData> data) { return ModelInside::of(std::move(data)); }

std::vector<TensorInfo> Model::inputs() const {
  return data_ ? describe(*data_, data_->inputs) : std::vector<TensorInfo>();
}
std::vector<TensorInfo> Model::outputs() const {
  return data_ ? describe(*data_, data_->outputs) : std::vector<TensorInfo>();
}
bool Model::quantized() const { return data_ && !data_->int8_ops.empty(); }

const std::string& Model::name() const {
  static const std::string kNone;
  return data_ ? data_->name : kNone;
}

std::string_view Model::metadata(std::string_view key) const {
  if (!data_) return {};
  for (const auto& [k, v] : data_->metadata)
    if (k == key) return v;
  return {};
}

}  // namespace octet
