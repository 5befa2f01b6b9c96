// Attributes and types of Paddle 3's programs as the legacy description has them.
#pragma once
#include <octet/octet.h>

#include "converter/import/paddle/pir/json.h"
#include "paddle.pb.h"

namespace octet::convert {

// A typed value ({"#": type, "D": payload}) as an attribute of the name, appended to the op. Lists of numbers become long integers or
// doubles; what inference does not need (places, layouts, types, nothing) is left out. The error's text lacks op and file.
Result<void> add_attribute(paddle::OpDesc& op, const std::string& name, const Json& typed);

void add_integer(paddle::OpDesc& op, const std::string& name, int64_t value);
void add_integers(paddle::OpDesc& op, const std::string& name, std::span<const int64_t> values);
void add_text(paddle::OpDesc& op, const std::string& name, const std::string& text);

// The legacy number of an element type, by its name in attributes (float32) or in types (f32); -1: not known.
int32_t element_type(std::string_view name);

}  // namespace octet::convert
