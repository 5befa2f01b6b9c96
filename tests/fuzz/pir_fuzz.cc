// Any bytes as a program of Paddle 3 and its parameters: the converter refuses them, or writes a file that loads.
#include <octet/convert.h>

#include <nlohmann/json.hpp>

#include "converter/import/paddle/pir/ops.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/paddle_seeds.h"

namespace octet::fuzz {
namespace {

using Json = nlohmann::json;

constexpr int64_t kNumbers[] = {-2147483648, -2, -1, 0, 1, 2, 3, 4, 8, 100, 65536, 2147483647, INT64_MAX, INT64_MIN};

// Some value below `root`, or itself.
Json& any_below(Json& root, std::minstd_rand& random) {
  Json* at = &root;
  while (at->is_structured() && !at->empty() && random() % 8) {
    auto next = at->begin();
    std::advance(next, random() % at->size());
    at = &*next;
  }
  return *at;
}

void change_value(Json& value, std::minstd_rand& random) {
  if (value.is_number() && random() % 4) {
    value = random() % 3 ? Json(kNumbers[random() % std::size(kNumbers)]) : Json(value.get<double>() + 1);
  } else if (value.is_boolean()) {
    value = !value.get<bool>();
  } else if (value.is_array() && !value.empty()) {
    const Json element = value[random() % value.size()];
    if (random() % 2)
      value.push_back(element);
    else
      value.erase(random() % value.size());
  } else if (value.is_object() && !value.empty()) {
    auto member = value.begin();
    std::advance(member, random() % value.size());
    value.erase(member);
  } else {
    const Json others[] = {nullptr, "1", 1.5, Json::array(), Json::object(), "0.t_vec", "1.if"};
    value = others[random() % std::size(others)];
  }
}

// One change to what the program says.
void change(Json& ops, std::minstd_rand& random) {
  Json& op = ops[random() % ops.size()];
  const Json& other = ops[random() % ops.size()];
  switch (random() % 6) {
    case 0: {
      const auto rows = convert::pir_ops();
      op["#"] = "1." + std::string(rows[random() % rows.size()].name);
      break;
    }
    case 1:
      op["I"].push_back({{"%", random() % (ops.size() + 2)}});
      break;
    case 2:
      if (other.contains("A") && other["A"].is_array() && !other["A"].empty())
        op["A"].push_back(other["A"][random() % other["A"].size()]);
      break;
    case 3:
      ops.push_back(other);
      break;
    default:
      change_value(any_below(op, random), random);
  }
}

Json* ops_of(Json& root) {
  const Json::json_pointer path("/program/regions/0/blocks/0/ops");
  return root.contains(path) && root[path].is_array() && !root[path].empty() ? &root[path] : nullptr;
}

size_t change_input(std::span<uint8_t> data, size_t size, std::minstd_rand& random) {
  PaddleInput input = PaddleInput::of(data.first(size));
  Json root = Json::parse(input.program, nullptr, false);
  Json* ops = root.is_discarded() ? nullptr : ops_of(root);
  if (!ops) return 0;
  try {
    change(*ops, random);
  } catch (const Json::exception&) {
    return 0;  // what was changed before is no list any more
  }
  input.program = root.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::string bytes = input.bytes();
  if (bytes.size() > data.size()) return 0;
  std::copy(bytes.begin(), bytes.end(), data.begin());
  return bytes.size();
}

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace
}  // namespace octet::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return octet::fuzz::mutate({data, max_size}, size, seed, octet::fuzz::change_input);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octet;
  const fuzz::PaddleInput input = fuzz::PaddleInput::of({data, size});
  fuzz::file_of(fuzz::bytes_of(input.parameters), ".pdiparams");
  const auto bytes = convert_model(fuzz::file_of(fuzz::bytes_of(input.program), ".json"));
  if (!bytes) return 0;
  const auto model = Model::from_bytes(*bytes, "converted");
  if (!model) fuzz::fail("the converter wrote what the loader refuses: " + model.error().text);
  auto session =
      Session::create(*model, {.precision = Precision::kF32, .memory_limit = fuzz::kMemory, .use_onednn = false});
  if (session && fuzz::prepare(*session, *model, 1)) (void)session->run();
  return 0;
}
