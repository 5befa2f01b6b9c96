// Loading: maps an .octet file and verifies everything in it. After this file nothing in a model is checked again but shapes.
#include "runtime/core/model.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "runtime/core/op.h"
#include "schema/format.h"

namespace octet {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 40;  // of one tensor: keeps every later product of sizes inside 64 bits

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

// Flatbuffers' verifier does not ask whether 64-bit elements stand at multiples of 8.
bool aligned(const flatbuffers::Vector<int64_t>* v) { return !v || reinterpret_cast<uintptr_t>(v->Data()) % 8 == 0; }

bool aligned(const schema::Node& n) {
  if (const auto* op = n.op_as_Slice()) return aligned(op->starts()) && aligned(op->ends()) && aligned(op->steps());
  if (const auto* op = n.op_as_Reshape()) return aligned(op->shape());
  if (const auto* op = n.op_as_Resize()) return aligned(op->size());
  if (const auto* op = n.op_as_Pad()) return aligned(op->before()) && aligned(op->after());
  return true;
}

// Fills a ModelData from the verified flatbuffer; every member either succeeds or says what is wrong.
class Loader {
 public:
  Loader(ModelData& model, const schema::Model& graph, std::span<const std::byte> weights)
      : model_(model), graph_(graph), weights_(weights) {}

  Result<void> load() {
    if (!graph_.tensors() || !graph_.outputs() || graph_.outputs()->size() == 0)
      return bad("the graph has no tensors or no outputs");
    for (unsigned i = 0; i < graph_.tensors()->size(); ++i) OCTET_TRY(tensor(*graph_.tensors()->Get(i)));
    defined_.assign(model_.tensors.size(), false);
    for (size_t i = 0; i < defined_.size(); ++i) defined_[i] = model_.tensors[i].constant;
    if (graph_.inputs())
      for (int t : *graph_.inputs()) OCTET_TRY(input(t));
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

  Result<void> tensor(const schema::Tensor& t) {
    TensorDef def;
    if (t.name()) def.name = t.name()->string_view();
    if (!aligned(t.shape())) return bad("tensor '", def.name, "': misaligned shape");
    if (t.dtype() > schema::DType::MAX || t.packing() > schema::Packing::MAX)
      return bad("tensor '", def.name, "': unknown type");
    def.dtype = dtype_of(t.dtype());
    if (t.shape() && t.shape()->size() > kMaxRank) return bad("tensor '", def.name, "': rank over ", kMaxRank);
    int64_t elements = 1;
    if (t.shape())
      for (int64_t d : *t.shape()) {
        if (d < -1 || (d < 0 && t.constant())) return bad("tensor '", def.name, "': size ", d);
        if (d >= 0 && (!checked_mul(elements, d, &elements) || elements > kMaxElements))
          return bad("tensor '", def.name, "': too large");
        def.shape.push_back(d);
      }
    OCTET_TRY(quant(t, def));
    if (t.constant())
      OCTET_TRY(constant(t, def, elements));
    else if (def.dtype == DType::kU8 || def.dtype == DType::kS8)
      return bad("tensor '", def.name, "': only constants may be stored as ", name_of(def.dtype));
    model_.tensors.push_back(std::move(def));
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
    if (def.packing == schema::Packing::dense && def.bytes != static_cast<uint64_t>(elements) * size_of(def.dtype))
      return bad("tensor '", def.name, "': ", def.bytes, " bytes for ", elements, " elements");
    if (def.packing == schema::Packing::conv_s8 && def.dtype != DType::kS8)
      return bad("tensor '", def.name, "': packing of another type");
    if (t.weight_scale()) def.weight_scale = {t.weight_scale()->data(), t.weight_scale()->size()};
    return {};
  }

  bool valid(int t) const { return t >= 0 && static_cast<size_t>(t) < model_.tensors.size(); }

  Result<void> input(int t) {
    if (!valid(t) || defined_[static_cast<size_t>(t)]) return bad("graph input ", t, " does not exist or stands twice");
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
    const int count = static_cast<int>(def.inputs.size());
    if (count < def.kind->min_inputs || count > def.kind->max_inputs)
      return bad("node '", def.name, "': ", count, " inputs");
    for (int i = 0; i < def.kind->min_inputs; ++i)
      if (!def.has_input(i)) return bad("node '", def.name, "': input ", i, " is missing");
    if (!n.outputs() || static_cast<int>(n.outputs()->size()) != def.kind->outputs)
      return bad("node '", def.name, "': must have ", def.kind->outputs, " outputs");
    for (int t : *n.outputs()) {
      if (!valid(t) || defined_[static_cast<size_t>(t)])
        return bad("node '", def.name, "': output ", t, " exists already");
      defined_[static_cast<size_t>(t)] = true;
      def.outputs.push_back(t);
    }
    if (auto r = def.kind->check(def, model_); !r) return bad(r.error().text);
    OCTET_TRY(dtype(def));
    if (def.kind->check_data)
      if (auto r = def.kind->check_data(def, model_); !r) return bad(r.error().text);
    model_.nodes.push_back(std::move(def));
    return {};
  }

  Result<void> dtype(const NodeDef& def) const {
    for (int i = 0; i < def.kind->outputs; ++i) {
      const DType have = model_.output(def, i).dtype;
      const DType out = def.kind->dtype ? def.kind->dtype(def, i) : model_.input(def, 0).dtype;
      if (have != out)
        return bad("node '", def.name, "': output ", i, " of type ", name_of(have), ", expected ", name_of(out));
    }
    return {};
  }

  ModelData& model_;
  const schema::Model& graph_;
  std::span<const std::byte> weights_;
  std::vector<bool> defined_;
};

Result<std::shared_ptr<const ModelData>> load(std::shared_ptr<const std::byte> file, size_t bytes, std::string name) {
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
      h.weights_offset % schema::kAlignment || h.graph_bytes >= (uint64_t{1} << 31) || h.graph_bytes < 8)
    return bad("truncated or damaged");
  const std::span graph(file.get() + h.graph_offset, h.graph_bytes);
  const std::span weights(file.get() + h.weights_offset, h.weights_bytes);
  if (schema::hash(graph) != h.graph_hash || schema::hash(weights) != h.weights_hash) return bad("checksum mismatch");
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(graph.data()), graph.size(), 16, 10'000'000);
  if (!schema::VerifyModelBuffer(verifier)) return bad("damaged graph");
  model->weight_bytes = weights.size();
  model->file = file;
  OCTET_TRY(Loader(*model, *schema::GetModel(graph.data()), weights).load());
  return std::shared_ptr<const ModelData>(std::move(model));
}

}  // namespace

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

std::shared_ptr<const std::byte> PackCache::get(const std::string& key, size_t bytes,
                                                const std::function<void(std::byte*)>& make) {
  std::lock_guard lock(mutex_);
  if (auto found = entries_[key].lock()) return found;
  auto* memory = static_cast<std::byte*>(::operator new (bytes + 1, std::align_val_t{64}));
  std::shared_ptr<const std::byte> made(
      memory, [](const std::byte* p) { ::operator delete (const_cast<std::byte*>(p), std::align_val_t{64}); });
  make(memory);
  entries_[key] = made;
  return made;
}

const OpKind* find_op(schema::Op type) {
  for (const OpKind* kind : all_ops())
    if (kind->type == type) return kind;
  return nullptr;
}

Result<Model> Model::map(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return octet::error(Code::kIo, path, ": ", std::strerror(errno));
  struct stat st;
  const bool regular = ::fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
  const size_t bytes = regular ? static_cast<size_t>(st.st_size) : 0;
  void* memory = bytes ? ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
  ::close(fd);
  if (memory == MAP_FAILED) return octet::error(Code::kBadFile, path, ": not a regular file with content");
  std::shared_ptr<const std::byte> file(static_cast<const std::byte*>(memory),
                                        [bytes](const std::byte* p) { ::munmap(const_cast<std::byte*>(p), bytes); });
  auto data = load(std::move(file), bytes, path);
  if (!data) return data.error();
  Model model;
  model.data_ = *data;
  return model;
}

Result<Model> Model::from_bytes(std::span<const std::byte> bytes, std::string name) {
  auto* memory = static_cast<std::byte*>(::operator new (bytes.size() + 1, std::align_val_t{64}));
  if (!bytes.empty()) std::memcpy(memory, bytes.data(), bytes.size());
  std::shared_ptr<const std::byte> copy(
      memory, [](const std::byte* p) { ::operator delete (const_cast<std::byte*>(p), std::align_val_t{64}); });
  auto data = load(std::move(copy), bytes.size(), std::move(name));
  if (!data) return data.error();
  Model model;
  model.data_ = *data;
  return model;
}

static std::vector<TensorInfo> describe(const ModelData& m, const std::vector<int>& tensors) {
  std::vector<TensorInfo> infos;
  for (int t : tensors) {
    const TensorDef& def = m.tensors[static_cast<size_t>(t)];
    infos.push_back({def.name, def.dtype, def.shape});
  }
  return infos;
}

std::vector<TensorInfo> Model::inputs() const { return describe(*data_, data_->inputs); }
std::vector<TensorInfo> Model::outputs() const { return describe(*data_, data_->outputs); }
bool Model::quantized() const { return !data_->int8_ops.empty(); }
const std::string& Model::name() const { return data_->name; }

std::string_view Model::metadata(std::string_view key) const {
  for (const auto& [k, v] : data_->metadata)
    if (k == key) return v;
  return {};
}

}  // namespace octet
