// Values have numbers, each made once, and every op reads what earlier ones made. Lists of tensors are plumbing: a list is known by
// its elements, and the ops that only pack and unpack them vanish.
#include "converter/import/paddle/pir/program.h"

#include <array>
#include <charconv>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "converter/import/paddle/pir/attributes.h"
#include "converter/import/paddle/pir/json.h"
#include "converter/import/paddle/pir/ops.h"

namespace octet::convert {
namespace {

constexpr int64_t kNewestForm = 4;
constexpr int64_t kPaddle3 = 3'000'000;  // what the importers take the ops' meaning from
constexpr int32_t kLodTensor = 7;
constexpr size_t kMostArguments = 16;  // of a node, on average

// The words of a row of the table.
std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::string legacy_name(const PirOp& row, std::string_view name) {
  for (std::string_view word : words_of(row.attributes))
    if (word.size() > name.size() && word.starts_with(name) && word[name.size()] == '>')
      return std::string(word.substr(name.size() + 1));
  return std::string(name);
}

const Json& attribute_of(const Json& op, std::string_view name) {
  static const Json none;
  for (const Json& a : elements_of(member(op, "A")))
    if (text_of(member(a, "N")) == name) return member(a, "AT");
  return none;
}

// How many elements a result has that is a list; nothing: it is a tensor.
std::optional<size_t> list_size(const Json& result) {
  const Json& type = member(result, "TT");
  if (text_of(member(type, "#")) != "0.t_vec") return std::nullopt;
  return elements_of(member(type, "D")).size();
}

struct Value {
  std::vector<std::string> names;
  bool list = false;
};

class PirReader {
 public:
  PirReader(const std::string& path, const ConvertOptions& options) : path_(path), options_(options) {}

  Result<paddle::ProgramDesc> run(const Json& root) {
    const Json& base = member(root, "base_code");
    const auto regions = elements_of(member(member(root, "program"), "regions"));
    if (text_of(member(base, "magic")) != "pir") return bad("is not a program of Paddle: base_code.magic is not 'pir'");
    if (regions.size() != 1 || elements_of(member(regions[0], "blocks")).empty()) return bad("has no program");
    const int64_t form = integer_of(member(base, "version")).value_or(0);
    if (form > kNewestForm && options_.log)
      options_.log("warning: " + path_ + ": is a program of version " + std::to_string(form) +
                   ", and ops may have changed since " + std::to_string(kNewestForm) + ", the newest that is known");
    out_.mutable_version()->set_version(kPaddle3);
    const Json& block = elements_of(member(regions[0], "blocks"))[0];
    name_outputs(block);
    out_.add_blocks();
    if (auto done = add_block(block, 0); !done) return done.error();
    return std::move(out_);
  }

 private:
  Error bad(const std::string& text) const { return {Code::kBadModel, path_ + ": " + text}; }
  Error bad_op(const std::string& text) const {
    return bad("op " + std::to_string(op_number_) + " (" + op_name_ + "): " + text);
  }

  // Outputs get their names where they are made, if nothing else has them.
  void name_outputs(const Json& block) {
    for (const Json& op : elements_of(member(block, "ops"))) {
      const std::string& code = text_of(member(op, "#"));
      const auto operands = elements_of(member(op, "I"));
      if (code == "p") {
        const auto a = elements_of(member(op, "A"));
        if (a.size() > 3) names_.insert(text_of(a[3]));
      }
      if (code == "1.data" || code == "1.feed") names_.insert(text_of(member(attribute_of(op, "name"), "D")));
      if (operands.size() != 1 || (code != "1.fetch" && code != "0.shadow_output")) continue;
      const auto id = integer_of(member(operands[0], "%"));
      const std::string& name = text_of(member(attribute_of(op, code == "1.fetch" ? "name" : "output_name"), "D"));
      if (id && !name.empty() && !names_.count(name) && outputs_.emplace(*id, name).second) names_.insert(name);
    }
  }

  Result<void> add_block(const Json& block, int index) {
    for (const Json& op : elements_of(member(block, "ops"))) {
      ++op_number_;
      op_name_ = text_of(member(op, "#"));
      if (auto done = add(op, index); !done) return done;
    }
    return {};
  }

  Result<void> add(const Json& op, int block) {
    if (op_name_ == "p") return add_parameter(op);
    const size_t dot = op_name_.find('.');
    const std::string dialect = op_name_.substr(0, dot);
    std::string name = dot == std::string::npos ? "" : op_name_.substr(dot + 1);
    if (dialect == "0") return add_plumbing(op, name);
    if (dialect != "1" && dialect != "2" && dialect != "3")
      return bad_op("this dialect is not supported: export without optimisations");
    if (name == "data" || name == "feed") return add_input(op);
    if (dialect == "2" && name == "yield") return add_yield(op);
    if (name == "if") return add_if(op, block);
    if (name == "fetch") return add_output(op, attribute_of(op, "name"), attribute_of(op, "col"));
    if (!find_pir_op(name) && name.ends_with('_')) name.pop_back();
    return add_op(op, name, dialect == "1" ? find_pir_op(name) : nullptr, block);
  }

  Result<void> add_yield(const Json& op) {
    yielded_.clear();
    for (const Json& operand : elements_of(member(op, "I"))) {
      auto v = value(operand);
      if (!v) return v.error();
      if ((*v)->names.size() != 1) return bad_op("yields what is not a tensor");
      yielded_.push_back((*v)->names[0]);
    }
    return {};
  }

  // As legacy programs have it: a block for each branch, run where its condition holds, and then one branch's results.
  Result<void> add_if(const Json& op, int block) {
    const auto operands = elements_of(member(op, "I")), regions = elements_of(member(op, "regions")),
               results = elements_of(member(op, "O"));
    const std::string name = op_name_, prefix = "if." + std::to_string(op_number_);
    if (operands.size() != 1 || regions.size() != 2) return bad_op("needs one condition and two regions");
    auto condition = value(operands[0]);
    if (!condition) return condition.error();
    if ((*condition)->names.size() != 1) return bad_op("needs one condition");
    const std::string holds = (*condition)->names[0], fails = prefix + ".not";
    paddle::OpDesc& inverted = *out_.mutable_blocks(block)->add_ops();
    inverted.set_type("logical_not");
    add_argument(*inverted.add_inputs(), "X", holds);
    add_argument(*inverted.add_outputs(), "Out", fails);
    std::array<std::vector<std::string>, 2> made;
    for (size_t i = 0; i < 2; ++i) {
      const auto blocks = elements_of(member(regions[i], "blocks"));
      const int inner = out_.blocks_size();
      out_.add_blocks();
      yielded_.clear();
      if (blocks.size() != 1) return bad_op("needs regions of one block");
      if (auto done = add_block(blocks[0], inner); !done) return done;
      made[i] = std::exchange(yielded_, {});
      op_name_ = name;
      if (made[i].size() != results.size()) return bad_op("has a region that yields another number of results");
      add_branch(block, i == 0 ? holds : fails, inner, made[i]);
    }
    for (size_t k = 0; k < results.size(); ++k) {
      const std::string result = fresh_name("if", id_of(results[k]), std::nullopt);
      paddle::OpDesc& select = *out_.mutable_blocks(block)->add_ops();
      select.set_type("select_input");
      add_argument(*select.add_inputs(), "X", made[1][k]);
      select.mutable_inputs(0)->add_arguments(made[0][k]);
      add_argument(*select.add_inputs(), "Mask", holds);
      add_argument(*select.add_outputs(), "Out", result);
      if (auto done = define(id_of(results[k]), {{result}}); !done) return done;
    }
    return {};
  }

  void add_branch(int block, const std::string& condition, int inner, const std::vector<std::string>& made) {
    paddle::OpDesc& branch = *out_.mutable_blocks(block)->add_ops();
    branch.set_type("conditional_block");
    add_argument(*branch.add_inputs(), "Cond", condition);
    paddle::Operand& out = *branch.add_outputs();
    out.set_parameter("Out");
    for (const std::string& name : made) out.add_arguments(name);
    paddle::Attribute& sub_block = *branch.add_attrs();
    sub_block.set_name("sub_block");
    sub_block.set_block_idx(inner);
  }

  // A variable of the name and type; `typed` is a tensor's type.
  Result<paddle::VarDesc*> add_variable(const std::string& name, const Json& typed) {
    const auto fields = elements_of(member(typed, "D"));
    const std::string& element = fields.empty() ? name : text_of(member(fields[0], "#"));
    if (text_of(member(typed, "#")) != "0.t_dtensor" || fields.size() < 2 || !element.starts_with("0.t_"))
      return bad_op("'" + name + "' is not a tensor");
    paddle::VarDesc& var = *out_.mutable_blocks(0)->add_vars();
    var.set_name(name);
    var.mutable_type()->set_type(kLodTensor);
    paddle::TensorDesc& desc = *var.mutable_type()->mutable_lod_tensor()->mutable_tensor();
    desc.set_data_type(element_type(std::string_view(element).substr(4)));
    for (const Json& d : elements_of(fields[1])) {
      const auto size = integer_of(d);
      if (!size) return bad_op("'" + name + "' has a damaged shape");
      desc.add_dims(*size);
    }
    return &var;
  }

  Result<void> add_parameter(const Json& op) {
    const auto a = elements_of(member(op, "A")), flags = elements_of(member(op, "OA"));
    const Json& made = member(op, "O");
    const auto id = integer_of(member(made, "%"));
    if (a.size() != 4 || text_of(a[3]).empty() || !id) return bad_op("is a damaged parameter");
    const std::string& name = text_of(a[3]);
    if (!parameters_.insert(name).second) return bad_op("parameter '" + name + "' is there twice");
    auto var = add_variable(name, member(made, "TT"));
    if (!var) return var.error();
    (*var)->set_persistable(flags.empty() || integer_of(flags[0]).value_or(1) != 0);
    return define(*id, {{name}});
  }

  Result<void> define(int64_t id, Value value) {
    if (id == 0) return {};
    if (!values_.emplace(id, std::move(value)).second)
      return bad_op("value " + std::to_string(id) + " is made a second time");
    return {};
  }

  // 0 stands for none.
  Result<const Value*> value(const Json& operand) const {
    static const Value none;
    const auto id = integer_of(member(operand, "%"));
    if (!id) return bad_op("has a damaged operand");
    if (*id == 0) return &none;
    const auto found = values_.find(*id);
    if (found == values_.end()) return bad_op("its operand " + std::to_string(*id) + " is not made by an earlier op");
    return &found->second;
  }

  // combine, split and slice pack and unpack lists.
  Result<void> add_plumbing(const Json& op, const std::string& name) {
    const auto operands = elements_of(member(op, "I")), results = elements_of(member(op, "O"));
    Value all{.list = true};
    for (const Json& operand : operands) {
      auto v = value(operand);
      if (!v) return v.error();
      if (name == "combine" && (*v)->list) return bad_op("makes a list of lists");
      all.names.insert(all.names.end(), (*v)->names.begin(), (*v)->names.end());
    }
    if (name == "shadow_output") return add_output(op, attribute_of(op, "output_name"), {});
    if (name == "combine" && results.size() == 1) return define(id_of(results[0]), std::move(all));
    if (name == "slice" && results.size() == 1) {
      const auto i = integer_of(member(attribute_of(op, "index"), "D")).value_or(-1);
      if (i < 0 || static_cast<size_t>(i) >= all.names.size())
        return bad_op("takes element " + std::to_string(i) + " of a list");
      return define(id_of(results[0]), {{all.names[static_cast<size_t>(i)]}});
    }
    if (name != "split") return bad_op("this op is not supported");
    if (results.size() != all.names.size()) return bad_op("unpacks a list of another size");
    for (size_t i = 0; i < results.size(); ++i)
      if (auto done = define(id_of(results[i]), {{all.names[i]}}); !done) return done;
    return {};
  }

  static int64_t id_of(const Json& result) { return integer_of(member(result, "%")).value_or(0); }

  Result<void> add_input(const Json& op) {
    const auto results = elements_of(member(op, "O"));
    const std::string name = text_of(member(attribute_of(op, "name"), "D"));
    if (results.size() != 1 || name.empty() || parameters_.count(name)) return bad_op("is a damaged input");
    if (auto var = add_variable(name, member(results[0], "TT")); !var) return var.error();
    paddle::OpDesc& feed = *out_.mutable_blocks(0)->add_ops();
    feed.set_type("feed");
    add_integer(feed, "col", inputs_++);
    add_argument(*feed.add_outputs(), "Out", name);
    return define(id_of(results[0]), {{name}});
  }

  static void add_argument(paddle::Operand& operand, std::string_view parameter, const std::string& name) {
    operand.set_parameter(std::string(parameter));
    operand.add_arguments(name);
  }

  Result<void> add_output(const Json& op, const Json& name_attribute, const Json& column) {
    const auto operands = elements_of(member(op, "I")), results = elements_of(member(op, "O"));
    auto v = operands.size() == 1 ? value(operands[0]) : bad_op("needs one operand");
    if (!v) return v.error();
    if ((*v)->names.size() != 1) return bad_op("needs one tensor");
    std::string name = (*v)->names[0];
    const std::string& wanted = text_of(member(name_attribute, "D"));
    paddle::BlockDesc& block = *out_.mutable_blocks(0);
    const auto reserved = outputs_.find(*integer_of(member(operands[0], "%")));
    const bool free = (reserved != outputs_.end() && reserved->second == wanted) || names_.insert(wanted).second;
    if (!wanted.empty() && wanted != name && free) {  // a value that has a name of its own
      paddle::OpDesc& copy = *block.add_ops();
      copy.set_type("assign");
      add_argument(*copy.add_inputs(), "X", name);
      add_argument(*copy.add_outputs(), "Out", wanted);
      name = wanted;
    }
    paddle::OpDesc& fetch = *block.add_ops();
    fetch.set_type("fetch");
    add_integer(fetch, "col", integer_of(member(column, "D")).value_or(fetched_++));
    add_argument(*fetch.add_inputs(), "X", name);
    return results.empty() ? Result<void>{} : define(id_of(results[0]), **v);
  }

  Result<void> add_op(const Json& op, const std::string& name, const PirOp* row, int block) {
    paddle::OpDesc desc;
    desc.set_type(row ? std::string(row->legacy) : "pd_op." + name);
    const PirOp unknown{name, name, "X*"};
    if (auto done = add_attributes(op, row ? *row : unknown, desc); !done) return done;
    if (auto done = row ? add_operands(op, *row, desc) : add_unknown_operands(op, desc); !done) return done;
    if (auto done = add_results(op, name, row, desc); !done) return done;
    *out_.mutable_blocks(block)->add_ops() = std::move(desc);
    return {};
  }

  Result<void> add_attributes(const Json& op, const PirOp& row, paddle::OpDesc& desc) const {
    for (const Json& a : elements_of(member(op, "A"))) {
      const std::string& name = text_of(member(a, "N"));
      if (name == "struct_name" || name == "op_dist_attr" || name == "op_role") continue;
      if (auto done = add_attribute(desc, legacy_name(row, name), member(a, "AT")); !done)
        return bad_op(done.error().text);
    }
    for (std::string_view word : words_of(row.attributes))
      if (word.starts_with('+')) add_integer(desc, std::string(word.substr(1)), 1);
    if (row.name == "full") add_exact_value(op, desc);
    if (row.name == "full_int_array") {
      const std::array<int64_t, 1> count{
          static_cast<int64_t>(elements_of(member(attribute_of(op, "value"), "D")).size())};
      add_integers(desc, "shape", count);
    }
    return {};
  }

  // A legacy value is a float, which large integers are not; its text is.
  static void add_exact_value(const Json& op, paddle::OpDesc& desc) {
    const auto number = number_of(member(attribute_of(op, "value"), "D"));
    if (!number) return;
    char text[32];
    add_text(desc, "str_value", {text, std::to_chars(text, std::end(text), *number).ptr});
  }

  Result<void> add_operands(const Json& op, const PirOp& row, paddle::OpDesc& desc) {
    const auto operands = elements_of(member(op, "I"));
    size_t next = 0;
    for (std::string_view word : words_of(row.operands)) {
      const size_t equals = word.find('=');
      std::string parameter(word);
      if (equals != std::string_view::npos) {
        if (!attribute_of(op, word.substr(0, equals)).is_null()) continue;
        parameter = std::string(word.substr(equals + 1)) + "=" + legacy_name(row, word.substr(0, equals));
      }
      if (next == operands.size()) break;
      auto v = value(operands[next++]);
      if (!v) return v.error();
      const bool list = parameter.ends_with('*');
      if (list) parameter.pop_back();
      if (!list && (*v)->list) return bad_op("has a list of tensors as " + parameter);
      if (word == "-" || (*v)->names.empty()) continue;
      paddle::Operand& operand = *desc.add_inputs();
      operand.set_parameter(parameter);
      if (auto done = add_arguments(operand, (*v)->names); !done) return done;
    }
    return next == operands.size()
               ? Result<void>{}
               : bad_op("has " + std::to_string(operands.size()) + " operands, more than are known");
  }

  Result<void> add_unknown_operands(const Json& op, paddle::OpDesc& desc) {
    paddle::Operand& all = *desc.add_inputs();
    all.set_parameter("X");
    for (const Json& operand : elements_of(member(op, "I"))) {
      auto v = value(operand);
      if (!v) return v.error();
      if (auto done = add_arguments(all, (*v)->names); !done) return done;
    }
    return {};
  }

  // A list may be read by many ops: together they are held to what a graph may have.
  Result<void> add_arguments(paddle::Operand& operand, const std::vector<std::string>& names) {
    arguments_ += names.size();
    if (arguments_ / kMostArguments > options_.max_nodes)
      return bad_op("has more operands than the max_nodes allow for");
    for (const std::string& name : names) operand.add_arguments(name);
    return {};
  }

  Result<void> add_results(const Json& op, const std::string& name, const PirOp* row, paddle::OpDesc& desc) {
    const auto results = elements_of(member(op, "O"));
    const auto words = words_of(row ? row->results : "Out");
    for (size_t i = 0; i < results.size(); ++i) {
      const int64_t id = id_of(results[i]);
      const auto size = list_size(results[i]);
      const bool known = i < words.size();
      if (known && size.has_value() != words[i].ends_with('*') && row)
        return bad_op(std::string("its result is ") + (size ? "" : "not ") + "a list");
      Value made{.list = size.has_value()};
      for (size_t k = 0; k < size.value_or(1); ++k)
        made.names.push_back(fresh_name(name, id, size ? std::optional(k) : std::nullopt));
      if (known) {
        paddle::Operand& out = *desc.add_outputs();
        out.set_parameter(std::string(size ? words[i].substr(0, words[i].size() - 1) : words[i]));
        for (const std::string& n : made.names) out.add_arguments(n);
      } else if (!row) {
        for (const std::string& n : made.names) add_argument(*desc.add_outputs(), "Out", n);
      }
      if (auto done = define(id, std::move(made)); !done) return done;
    }
    return {};
  }

  std::string fresh_name(const std::string& op, int64_t id, std::optional<size_t> element) {
    if (const auto output = outputs_.find(id); output != outputs_.end() && !element) return output->second;
    std::string name = op + '.' + std::to_string(id ? id : -op_number_);
    if (element) name += '.' + std::to_string(*element);
    while (!names_.insert(name).second) name += '\'';
    return name;
  }

  const std::string& path_;
  const ConvertOptions& options_;
  paddle::ProgramDesc out_;
  std::unordered_map<int64_t, Value> values_;
  std::map<int64_t, std::string> outputs_;  // names of values that are fetched
  std::set<std::string> names_, parameters_;
  int64_t inputs_ = 0, fetched_ = 0, op_number_ = -1;
  size_t arguments_ = 0;
  std::string op_name_;
  std::vector<std::string> yielded_;  // by the block that was added last
};

}  // namespace

Result<paddle::ProgramDesc> read_pir_program(const std::string& path, const ConvertOptions& options) {
  auto root = read_json(path, options);
  if (!root) return root.error();
  return PirReader(path, options).run(*root);
}

}  // namespace octet::convert
