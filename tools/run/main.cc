// octet-run: runs a model on NumPy files, once, and writes each output as NAME.npy.
#include <cstring>
#include <filesystem>
#include <iostream>

#include "cli/npy.h"
#include "cli/open_model.h"
#include "cli/session_flags.h"
#include "cli/terminal.h"
#include "files/files.h"

namespace octet {
namespace {

struct Arguments {
  std::string model, output_dir;
  std::vector<std::string> inputs;
  SessionFlags session;
};

struct InputFile {
  int index = -1;  // in the model
  std::string path;
};

// "name=file". A name may hold '=' itself, so the model's names are tried first.
Result<InputFile> find_file(const Model& model, const std::string& argument) {
  const auto inputs = model.inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string prefix = std::string(inputs[i].name) + "=";
    if (argument.starts_with(prefix)) return InputFile{static_cast<int>(i), argument.substr(prefix.size())};
  }
  const size_t equals = argument.find('=');
  const bool named = equals != argument.npos && !std::filesystem::exists(argument);
  auto index = find_input(model, named ? argument.substr(0, equals) : "");
  if (!index) return index.error();
  return InputFile{*index, argument};
}

// The arrays by the model's inputs, in the types that it takes.
Result<std::vector<npy::Array>> read_inputs(const Model& model, const std::vector<std::string>& arguments) {
  const auto inputs = model.inputs();
  std::vector<npy::Array> arrays(inputs.size());
  std::vector<bool> given(inputs.size(), false);
  for (const std::string& argument : arguments) {
    const auto file = find_file(model, argument);
    if (!file) return file.error();
    const auto i = static_cast<size_t>(file->index);
    if (given[i]) return Error{Code::kBadArgument, "input '" + std::string(inputs[i].name) + "' is given twice"};
    auto array = npy::read(file->path);
    if (!array) return array.error();
    auto converted = npy::convert(std::move(*array), inputs[i].dtype, file->path);
    if (!converted) return converted.error();
    arrays[i] = std::move(*converted);
    given[i] = true;
  }
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!given[i])
      return Error{Code::kBadArgument, "no file for input '" + std::string(inputs[i].name) + "' " +
                                           inputs[i].shape.text() + ": --input " + std::string(inputs[i].name) +
                                           "=FILE.npy"};
  return arrays;
}

Result<Session> run(const Model& model, const Arguments& a) {
  auto arrays = read_inputs(model, a.inputs);
  if (!arrays) return arrays.error();
  const auto options = session_options(a.session, model);
  if (!options) return options.error();
  auto session = Session::create(model, *options);
  if (!session) return session.error();
  print_warnings("octet-run", session->warnings());
  for (size_t i = 0; i < arrays->size(); ++i)
    if (auto done = session->resize_input(static_cast<int>(i), (*arrays)[i].shape); !done) return done.error();
  if (auto done = session->prepare(); !done) return done.error();
  for (size_t i = 0; i < arrays->size(); ++i)
    std::memcpy(session->input(static_cast<int>(i)).data, (*arrays)[i].data.data(), (*arrays)[i].data.size());
  if (auto done = session->run(); !done) return done.error();
  return session;
}

Result<void> write_outputs(const Model& model, const Session& session, const std::string& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return Error{Code::kIo, folder + ": cannot make the folder: " + failed.message()};
  std::vector<NewFile> files;
  std::vector<std::string_view> names;
  for (const TensorInfo& output : model.outputs()) names.push_back(output.name);
  const std::vector<std::string> stems = npy::file_stems(names);
  for (size_t i = 0; i < stems.size(); ++i) {
    const Tensor t = session.output(static_cast<int>(i));
    const auto bytes = static_cast<size_t>(t.shape.elements()) * size_of(t.dtype);
    files.push_back({folder + "/" + stems[i] + ".npy",
                     npy::format(t.dtype, t.shape, {static_cast<const std::byte*>(t.data), bytes})});
  }
  if (auto done = write_files(files); !done) return done.error();
  for (size_t i = 0; i < files.size(); ++i) {
    const Tensor t = session.output(static_cast<int>(i));
    std::cout << files[i].path << "  " << name_of(t.dtype) << ' ' << t.shape.text() << '\n';
  }
  return {};
}

Result<void> main_job(const Arguments& a) {
  auto model = open_model(a.model);
  if (!model) return model.error();
  auto session = run(*model, a);
  if (!session) return session.error();
  return write_outputs(*model, *session, a.output_dir);
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) {
  octet::Arguments a;
  CLI::App app("Runs a model on NumPy files and writes each output as NAME.npy.", "octet-run");
  app.add_option("model", a.model, octet::kModelHelp)->required();
  app.add_option("--input", a.inputs,
                 "name=file.npy, or file.npy for a model's only input; a dynamic input takes its shape")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--output-dir", a.output_dir, "Where the outputs go; made where it is missing")->required();
  octet::add_session_flags(app, a.session);
  if (int code = 0; !octet::parse_flags(app, argc, argv, &code)) return code;
  if (auto done = octet::main_job(a); !done) return octet::fail("octet-run", done.error());
  return octet::finished("octet-run", 0);
}
