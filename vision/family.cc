#include "vision/family.h"

#include "vision/decode/fitting.h"

namespace octet::vision {
namespace {

// What the model holds, and where it says nothing, what lies beside it.
Result<Remembered> remembered(const Model& model, const std::string& source) {
  auto in = remembered_by(model);
  if (!in || source.empty()) return in;
  auto beside = remembered_beside(source);
  if (!beside) return beside;
  if (in->arch.empty()) in->arch = beside->arch;
  if (!in->preprocess) in->preprocess = beside->preprocess;
  if (in->names.empty()) in->names = beside->names;
  return in;
}

Result<Arch> by_outputs(const Model& model, const FamilyQuestion& question, size_t classes) {
  auto form = form_of(model, question.img_shape);
  if (!form) return form.error();
  const auto fits = fitting(form->outputs, form->height, form->width, classes);
  if (fits.size() == 1 || (question.prepared && !fits.empty())) return fits[0].arch;
  std::string outputs;
  for (const Tensor& t : form->outputs) {
    if (outputs.size() > 200) break;
    outputs.append(outputs.empty() ? "" : ", ").append(t.name).append(" ").append(t.shape.text());
  }
  const std::string what = "'" + model.name() +
                           "': neither --arch nor the file says which family this is, and its outputs (" + outputs +
                           ") ";
  if (fits.empty()) return Error{Code::kBadArgument, what + "are of no known form: say --arch, one of " + arch_names()};
  return Error{Code::kBadArgument, what + "can be of several: say --arch, one of " + names_of(fits)};
}

}  // namespace

Result<Family> family_of(const Model& model, const FamilyQuestion& question) {
  auto known = remembered(model, question.source);
  if (!known) return known.error();
  Family family{.arch = {}, .names = known->names, .known_by = "--arch"};
  std::string name = question.arch;
  if (name.empty()) name = known->arch, family.known_by = "the file";
  auto arch = name.empty() ? by_outputs(model, question, known->names.size()) : arch_of(name);
  if (!arch) return arch.error();
  if (name.empty()) family.known_by = "its outputs";
  family.arch = *arch;
  const auto meant = known->arch.empty() ? arch : arch_of(known->arch);
  if (known->preprocess && meant && meant->same_as(*arch)) family.arch.preprocess = *known->preprocess;
  family.arch.options.classes = static_cast<int>(known->names.size());
  family.arch.options.key_points = known->key_points;
  return family;
}

}  // namespace octet::vision
