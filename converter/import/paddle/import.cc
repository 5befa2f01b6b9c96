// Reads a Paddle program: files, parameters, then op by op. Variables may be written more than once: a name means the
// tensor that was written last.
#include "converter/import/paddle/import.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "converter/import/build/early_constants.h"
#include "converter/import/build/elements.h"
#include "converter/import/build/public_tensors.h"
#include "converter/import/build/source_files.h"
#include "converter/import/paddle/ops/ops.h"
#include "converter/import/paddle/parameters.h"
#include "converter/import/paddle/pir/program.h"

namespace octet::convert {
namespace {

enum : int32_t { kLodTensor = 7, kFeedMinibatch = 9, kFetchList = 10, kReader = 15, kRaw = 17 };

// Programs say with which Paddle they were written: 2.6.1 is 2006001, 0 is unknown.
constexpr int64_t kNewestPaddle = 3;

Result<paddle::ProgramDesc> parse_paddle(const std::string& path, const ConvertOptions& options) {
  std::error_code failed;
  const uint64_t size = std::filesystem::file_size(path, failed);
  if (failed) return Error{Code::kIo, path + ": " + failed.message()};
  if (size > static_cast<uint64_t>(std::numeric_limits<int>::max()))
    return Error{Code::kUnsupported, path + ": is larger than 2 GiB"};
  if (auto fits = check_size(path, options); !fits) return fits.error();
  std::ifstream in(path, std::ios::binary);
  paddle::ProgramDesc program;
  if (!in) return Error{Code::kIo, path + ": cannot be opened"};
  if (!program.ParseFromIstream(&in)) return Error{Code::kBadFile, path + ": is not a Paddle program, or is damaged"};
  if (program.blocks_size() == 0 || program.blocks(0).ops_size() == 0)
    return Error{Code::kBadFile, path + ": is not a Paddle program: it has no ops"};
  return program;
}

std::optional<Shape> declared_shape(const paddle::VarDesc& var) {
  const auto& tensor = var.type().lod_tensor().tensor();
  if (var.type().type() != kLodTensor || !var.type().has_lod_tensor() || tensor.dims_size() > kMaxRank)
    return std::nullopt;
  Shape shape;
  for (int64_t d : tensor.dims()) shape.push_back(d);
  return shape;
}

bool has_data(const paddle::VarDesc& var) {
  const int32_t type = var.type().type();
  return var.persistable() && type != kFeedMinibatch && type != kFetchList && type != kReader && type != kRaw;
}

const std::string& argument(const google::protobuf::RepeatedPtrField<paddle::Operand>& operands) {
  static const std::string none;
  return !operands.empty() && operands[0].arguments_size() ? operands[0].arguments(0) : none;
}

// Feeds and fetches are numbered by an attribute; their order in the block is another.
int64_t column(const paddle::OpDesc& op) {
  for (const auto& a : op.attrs())
    if (a.name() == "col") return a.has_l() ? a.l() : a.i();
  return 0;
}

// The block that an op runs; 0: none.
int inner_block(const paddle::OpDesc& op) {
  for (const auto& a : op.attrs())
    if (a.name() == "sub_block") return a.block_idx();
  return 0;
}

constexpr int kMostLevels = 64;                     // of blocks in blocks
constexpr int64_t kMostElementsOfAttribute = 1024;  // what is longer stays an operand

// A constant as the attribute that it stands for.
paddle::Attribute attribute_of(std::string_view name, const Tensor& t) {
  enum : int32_t { kLongs = 11, kDoubles = 12 };
  paddle::Attribute a;
  a.set_name(std::string(name));
  std::vector<int64_t> whole;
  if (t.dtype == DType::kS64) whole.assign(t.values<int64_t>().begin(), t.values<int64_t>().end());
  if (t.dtype == DType::kBool)
    for (std::byte b : t.data) whole.push_back(b != std::byte{0});
  if (t.dtype == DType::kF32) {
    a.set_type(kDoubles);
    for (float v : t.values<float>()) a.add_float64s(static_cast<double>(v));
    if (a.float64s_size() == 1) a.set_float64(a.float64s(0)), a.clear_float64s(), a.clear_type();
  } else if (whole.size() == 1) {
    a.set_l(whole[0]);
  } else {
    a.set_type(kLongs);
    a.mutable_longs()->Add(whole.begin(), whole.end());
  }
  return a;
}

class PaddleImporter {
 public:
  PaddleImporter(PaddleFiles files, const ConvertOptions& options) : files_(std::move(files)), options_(options) {
    g_.source = files_.program;
    g_.constant_limit = constant_limit(options);
  }

  Result<Graph> run(const paddle::ProgramDesc& program) {
    program_ = &program;
    if (auto done = look_at(program); !done) return done.error();
    for (const auto& var : program.blocks(0).vars()) variables_.emplace(var.name(), &var);
    if (auto done = add_parameters(program); !done) return done.error();
    const auto& ops = program.blocks(0).ops();
    const std::vector<std::string> outputs = output_names(ops);
    outputs_.insert(outputs.begin(), outputs.end());
    const std::vector<bool> needed = needed_ops(ops, outputs);
    if (auto done = add_inputs(ops, needed); !done) return done.error();
    first_made_ = static_cast<TensorId>(g_.tensors.size());
    for (int i = 0; i < ops.size(); ++i)
      if (needed[static_cast<size_t>(i)] && ops[i].type() != "feed" && ops[i].type() != "fetch")
        if (auto done = add(ops[i]); !done) return done.error();
    if (outputs.empty()) return error(Code::kBadModel, "the program fetches nothing");
    for (const std::string& name : outputs) {
      auto found = values_.find(name);
      if (found == values_.end())
        return error(options_.outputs.empty() ? Code::kBadModel : Code::kBadArgument,
                     "output '" + name + "' is not made by any op");
      add_output(g_, found->second, name);
    }
    return std::move(g_);
  }

 private:
  using Ops = google::protobuf::RepeatedPtrField<paddle::OpDesc>;

  Error error(Code code, const std::string& text) const { return {code, files_.program + ": " + text}; }

  Result<void> look_at(const paddle::ProgramDesc& program) {
    version_ = program.version().version();
    if (const int64_t major = version_ / 1'000'000; major > kNewestPaddle && options_.log)
      options_.log("warning: " + files_.program + ": was written by Paddle " + std::to_string(major) +
                   ", and ops may have changed since Paddle " + std::to_string(kNewestPaddle) +
                   ", the newest that is known");
    size_t nodes = 0;
    for (const auto& block : program.blocks()) nodes += static_cast<size_t>(block.ops_size());
    auto few = check_nodes(nodes, options_);
    return few ? few : Result<void>(error(few.error().code, few.error().text));
  }

  Result<void> add_parameters(const paddle::ProgramDesc& program) {
    std::vector<PaddleVariable> wanted;
    std::unordered_set<std::string> names;
    for (const auto& block : program.blocks())
      for (const auto& var : block.vars())
        if (has_data(var) && names.insert(var.name()).second) wanted.push_back({var.name(), declared_shape(var)});
    auto all = read_paddle_parameters(
        files_, std::move(wanted),
        {std::filesystem::path(files_.program).parent_path(), g_.constant_limit, over_memory_limit(options_)});
    if (!all) return all.error();
    for (auto& [name, t] : *all) {
      if (t.dtype == DType::kF32 && !all_finite(t.values<float>())) not_finite_.insert(name);
      values_[name] = g_.add(std::move(t));
    }
    return {};
  }

  std::vector<std::string> output_names(const Ops& ops) const {
    if (!options_.outputs.empty()) return options_.outputs;
    std::vector<std::pair<int64_t, std::string>> fetched;
    for (const auto& op : ops)
      if (op.type() == "fetch") fetched.emplace_back(column(op), argument(op.inputs()));
    std::sort(fetched.begin(), fetched.end());
    std::vector<std::string> names;
    for (auto& f : fetched) names.push_back(std::move(f.second));
    return names;
  }

  // Only what the outputs need is imported: what stands behind a cut may hold ops that nobody supports.
  std::vector<bool> needed_ops(const Ops& ops, const std::vector<std::string>& outputs) const {
    std::unordered_set<std::string> wanted(outputs.begin(), outputs.end());
    std::unordered_set<int> blocks;
    std::vector<bool> needed(static_cast<size_t>(ops.size()), false);
    for (int i = ops.size() - 1; i >= 0; --i) {
      const bool whole = options_.outputs.empty();  // then all inputs stay, read or not
      bool any = whole && ops[i].type() == "feed";
      for (const auto& out : ops[i].outputs())
        for (const std::string& name : out.arguments()) any = any || wanted.count(name);
      needed[static_cast<size_t>(i)] = any;
      if (any) add_reads(ops[i], wanted, blocks);
    }
    return needed;
  }

  // What an op reads, or the blocks that it runs; `blocks` have been looked at.
  void add_reads(const paddle::OpDesc& op, std::unordered_set<std::string>& wanted,
                 std::unordered_set<int>& blocks) const {
    std::vector<const paddle::OpDesc*> left = {&op};
    while (!left.empty()) {
      const paddle::OpDesc& next = *left.back();
      left.pop_back();
      for (const auto& in : next.inputs()) wanted.insert(in.arguments().begin(), in.arguments().end());
      const int inner = inner_block(next);
      if (inner <= 0 || inner >= program_->blocks_size() || !blocks.insert(inner).second) continue;
      for (const auto& inside : program_->blocks(inner).ops()) left.push_back(&inside);
    }
  }

  Result<void> add_inputs(const Ops& ops, const std::vector<bool>& needed) {
    std::vector<std::pair<int64_t, std::string>> fed;
    for (int i = 0; i < ops.size(); ++i)
      if (ops[i].type() == "feed" && needed[static_cast<size_t>(i)])
        fed.emplace_back(column(ops[i]), argument(ops[i].outputs()));
    std::sort(fed.begin(), fed.end());
    std::vector<std::string> names;
    for (const auto& f : fed) names.push_back(f.second);
    if (auto done = check_input_names(options_, names); !done) return error(done.error().code, done.error().text);
    for (const std::string& name : names) {
      const auto var = variables_.find(name);
      if (var == variables_.end() || values_.count(name))
        return error(Code::kBadModel, "input '" + name + "' is not a variable of its own");
      const auto dtype = dtype_of_paddle(var->second->type().lod_tensor().tensor().data_type());
      if (!dtype || *dtype == DType::kU8 || *dtype == DType::kS8)
        return error(Code::kUnsupported, "input '" + name + "': its element type is not supported");
      auto declared = declared_shape(*var->second);
      if (declared)
        for (int i = 0; i < declared->rank(); ++i)
          if ((*declared)[i] <= 0) (*declared)[i] = -1;
      auto shape = input_shape(options_, name, declared);
      if (!shape) return error(shape.error().code, shape.error().text);
      g_.inputs.push_back(g_.add({.name = name, .dtype = *dtype, .shape = *shape}));
      values_[name] = g_.inputs.back();
    }
    return {};
  }

  // Ops have no names: that of what they make stands for it.
  static std::string name_of_op(const paddle::OpDesc& op) {
    for (const char* main : {"Out", "Output", "Y", "Boxes"})
      for (const auto& out : op.outputs())
        if (out.parameter() == main && out.arguments_size()) return out.arguments(0);
    return argument(op.outputs());
  }

  static std::string place_of(const paddle::OpDesc& op) { return "op '" + name_of_op(op) + "' (" + op.type() + "): "; }

  Result<void> add(const paddle::OpDesc& desc) {
    if (desc.type() == "conditional_block") return add_branch(desc);
    if (desc.type() == "select_input") return add_selected(desc);
    return add_op(desc);
  }

  // The element of a constant that control flow depends on.
  Result<int64_t> decision(const paddle::OpDesc& desc, std::string_view parameter) const {
    for (const auto& in : desc.inputs()) {
      if (in.parameter() != parameter || in.arguments_size() != 1) continue;
      const auto found = values_.find(in.arguments(0));
      if (found == values_.end()) break;
      const Tensor& t = tensor(g_, found->second);
      if (!t.constant || t.shape.elements() != 1)
        return error(Code::kUnsupported,
                     place_of(desc) + "its condition '" + in.arguments(0) +
                         "' depends on the data: only what follows from constants and sizes is supported; "
                         "give the inputs' shapes, or cut the model with its outputs");
      if (t.dtype == DType::kS64) return t.values<int64_t>()[0];
      if (t.dtype == DType::kBool) return t.data[0] != std::byte{0} ? 1 : 0;
      break;
    }
    return error(Code::kBadModel, place_of(desc) + "has no condition");
  }

  // The branch that is taken takes the place of the op.
  Result<void> add_branch(const paddle::OpDesc& desc) {
    const auto holds = decision(desc, "Cond");
    if (!holds) return holds.error();
    if (!*holds) return {};
    const int inner = inner_block(desc);
    if (inner <= 0 || inner >= program_->blocks_size() || !branches_.insert(inner).second || level_ == kMostLevels)
      return error(Code::kBadModel, place_of(desc) + "has no block of its own, or is nested too deeply");
    ++level_;
    for (const auto& op : program_->blocks(inner).ops())
      if (auto done = add(op); !done) return done;
    --level_;
    return {};
  }

  Result<void> add_selected(const paddle::OpDesc& desc) {
    const auto chosen = decision(desc, "Mask");
    if (!chosen) return chosen.error();
    for (const auto& in : desc.inputs()) {
      if (in.parameter() != "X" || *chosen < 0 || *chosen >= in.arguments_size()) continue;
      const auto found = values_.find(in.arguments(static_cast<int>(*chosen)));
      if (found == values_.end()) break;
      values_[argument(desc.outputs())] = found->second;
      return {};
    }
    return error(Code::kBadModel, place_of(desc) + "has no operand " + std::to_string(*chosen));
  }

  Result<void> add_op(const paddle::OpDesc& desc) {
    const std::string name = name_of_op(desc), where = place_of(desc);
    const PaddleOp* op = find_paddle_op(desc.type());
    if (!op) return error(Code::kUnsupported, where + "this op is not supported");
    paddle::OpDesc bound = desc;  // with constant operands as attributes
    PaddleNode n(g_, bound, name, version_);
    for (const auto& in : desc.inputs()) {
      std::vector<TensorId> ids;
      for (const std::string& argument_name : in.arguments()) {
        const auto found = values_.find(argument_name);
        if (found == values_.end()) {
          if (op->quantises) continue;  // training's own state may be left out of the file
          return error(Code::kBadModel, where + "its input '" + argument_name + "' is not made by an earlier op");
        }
        if (!op->quantises && not_finite_.count(argument_name) && tensor(g_, found->second).constant)
          return error(Code::kBadModel,
                       where + "its parameter '" + argument_name + "' holds a value that is not finite");
        ids.push_back(found->second);
      }
      if (!bind(in.parameter(), ids, n, bound))
        return error(Code::kUnsupported, where + in.parameter().substr(1) + " must be constant");
    }
    for (std::string_view parameter : op->needs)
      if (!parameter.empty() && n.in(parameter) < 0)
        return error(Code::kBadModel, where + "has no input " + std::string(parameter));
    g_.quantised = g_.quantised || op->quantises;
    constants_.mark();
    dequantise_stored_weights(n);
    if (!op->quantises) widen_bytes(n);
    if (!n.failed()) op->import(n);
    if (!n.failed()) n.observe_result();
    if (n.failed()) return error(n.code(), where + n.failure());
    n.name_parts();
    if (auto done = fold(desc, n); !done) return error(done.error().code, where + done.error().text);
    return add_results(desc, n, where);
  }

  // `parameter` may be PARAMETER=ATTRIBUTE: the attribute where the operand is constant. False: it is not, and has no other form.
  bool bind(const std::string& parameter, const std::vector<TensorId>& ids, PaddleNode& n,
            paddle::OpDesc& bound) const {
    const size_t equals = parameter.find('=');
    if (ids.empty()) return true;
    if (equals != std::string::npos && ids.size() == 1 && n.is_constant(ids[0]) &&
        n.shape(ids[0]).elements() <= kMostElementsOfAttribute) {
      *bound.add_attrs() = attribute_of(parameter.substr(equals + 1), n.at(ids[0]));
      return true;
    }
    std::vector<TensorId>& all = n.operands[parameter.substr(0, equals)];
    all.insert(all.end(), ids.begin(), ids.end());
    return equals != 0;
  }

  // Computed bytes are for outputs: the runtime computes with wider integers.
  static void widen_bytes(PaddleNode& n) {
    if (n.type() == "cast") return;
    for (auto& [parameter, ids] : n.operands)
      for (TensorId& t : ids)
        if (!n.is_constant(t) && (n.at(t).dtype == DType::kU8 || n.at(t).dtype == DType::kS8))
          t = n.cast(t, DType::kS64);
  }

  // Outputs of the program stay nodes, which have their names.
  Result<void> fold(const paddle::OpDesc& desc, PaddleNode& n) {
    for (const auto& out : desc.outputs())
      for (const std::string& name : out.arguments())
        if (outputs_.count(name)) return {};
    std::vector<std::vector<TensorId>*> results;
    for (auto& [parameter, ids] : n.results) results.push_back(&ids);
    return constants_.fold(results);
  }

  // Outputs that the importer does not make are training's; an error only if somebody reads them.
  Result<void> add_results(const paddle::OpDesc& desc, const PaddleNode& n, const std::string& where) {
    for (const auto& out : desc.outputs()) {
      const auto made = n.results.find(out.parameter());
      for (int i = 0; i < out.arguments_size() && made != n.results.end(); ++i) {
        const size_t k = static_cast<size_t>(i);
        if (k >= made->second.size() || made->second[k] < 0)
          return error(Code::kBadModel, where + "has no output '" + out.arguments(i) + "'");
        const TensorId id = made->second[k];
        values_[out.arguments(i)] = id;
        Tensor& t = g_.tensors[static_cast<size_t>(id)];
        if (!t.constant && id >= first_made_) t.name = out.arguments(i);
      }
    }
    return {};
  }

  const PaddleFiles files_;
  const paddle::ProgramDesc* program_ = nullptr;
  const ConvertOptions& options_;
  Graph g_;
  int64_t version_ = 0;
  TensorId first_made_ = 0;  // what stands before it is an input or a parameter
  std::unordered_map<std::string, const paddle::VarDesc*> variables_;
  std::unordered_map<std::string, TensorId> values_;
  std::unordered_set<std::string> not_finite_;
  std::unordered_set<std::string> outputs_;
  std::unordered_set<int> branches_;  // blocks that were taken
  int level_ = 0;
  EarlyConstants constants_{g_};
};

}  // namespace

Result<Graph> import_paddle(const std::string& path, const ConvertOptions& options) {
  auto files = find_paddle_files(path, options.parameters);
  if (!files) return files.error();
  const bool pir = std::filesystem::path(files->program).extension() == ".json";
  auto program = pir ? read_pir_program(files->program, options) : parse_paddle(files->program, options);
  if (!program) return program.error();
  return PaddleImporter(std::move(*files), options).run(*program);
}

}  // namespace octet::convert
