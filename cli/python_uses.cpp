#include "cli/python_uses.h"

#include "cli/python_program.h"
#include "config/error.h"
#include "embedded_python.h"

namespace ringattn {
namespace {

PythonUseKind kind_of(const std::string& word) {
  if (word == "construct") return PythonUseKind::construct;
  if (word == "subclass") return PythonUseKind::subclass;
  return word == "import" ? PythonUseKind::import : PythonUseKind::reference;
}

std::vector<PythonArgument> arguments_of(const Json& list) {
  std::vector<PythonArgument> result;
  for (const Json& item : list) {
    PythonArgument argument{.text = item["text"]};
    if (!item["name"].is_null()) argument.name = item["name"].get<std::string>();
    if (item["is_literal"].get<bool>()) argument.value = item["value"];
    if (!item["fields"].is_null()) argument.fields = arguments_of(item["fields"]);
    result.push_back(std::move(argument));
  }
  return result;
}

PythonUse use_of(const Json& item) {
  return {.kind = kind_of(item["kind"]),
          .class_name = item["class"],
          .module = item["module"],
          .line = item["line"],
          .column = item["column"],
          .end_line = item["end_line"],
          .end_column = item["end_column"],
          .arguments = arguments_of(item["arguments"]),
          .has_comment = item["has_comment"],
          .hides_helper = item["hides_helper"],
          .is_indirect = item["is_indirect"],
          .unsure = item["unsure"]};
}

}  // namespace

std::string as_latin1(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80U) {
      text += c;
    } else {
      text += static_cast<char>(0xC0U | (byte >> 6U));
      text += static_cast<char>(0x80U | (byte & 0x3FU));
    }
  }
  return text;
}

std::string scanner_prelude() {
  Json texts = Json::object();
  for (const auto& [name, text] : embedded::python) texts[std::string(name)] = text;
  // A JSON string of ASCII characters is a Python string, too.
  return "import importlib.machinery, json, sys\n"
         "texts = json.loads(" +
         Json(texts.dump()).dump(-1, ' ', true) +
         ")\n"
         "class Embedded:\n"
         "    def find_spec(self, name, path=None, target=None):\n"
         "        return importlib.machinery.ModuleSpec(name, self) if name in texts else None\n"
         "    def create_module(self, spec):\n"
         "        return None\n"
         "    def exec_module(self, module):\n"
         "        exec(compile(texts[module.__name__], module.__name__ + '.py', 'exec'), module.__dict__)\n"
         "sys.meta_path.insert(0, Embedded())\n";
}

PythonSource python_source(const std::filesystem::path& path, const Json& item) {
  PythonSource source{.path = path,
                      .error = item["error"].is_null() ? "" : item["error"].get<std::string>(),
                      .encoding = item["encoding"],
                      .import_after = item["import_after"]};
  for (const auto& [name, module] : item["helpers"].items()) source.helpers[name] = module.get<std::string>();
  for (const Json& use : item["uses"]) source.uses.push_back(use_of(use));
  return source;
}

std::string_view to_string(PythonUseKind kind) {
  switch (kind) {
    case PythonUseKind::construct:
      return "construct";
    case PythonUseKind::subclass:
      return "subclass";
    case PythonUseKind::reference:
      return "reference";
    case PythonUseKind::import:
      return "import";
  }
  return "";
}

std::vector<PythonSource> find_python_uses(const std::string& python, const std::vector<std::filesystem::path>& files,
                                           const std::vector<std::string>& classes,
                                           const std::vector<std::string>& helpers) {
  if (files.empty()) return {};
  Json task{{"classes", classes}, {"package", "dilated_attention_pytorch"}, {"helpers", helpers}};
  task["paths"] = Json::array();
  for (const std::filesystem::path& file : files) {
    task["paths"].push_back(as_latin1(std::filesystem::absolute(file).string()));
  }
  const std::string answer = run_python(python, scanner_prelude() + "import uses\nuses.main()\n", task.dump());
  try {
    const Json items = Json::parse(answer)["files"];
    std::vector<PythonSource> sources;
    for (std::size_t i = 0; i < files.size(); ++i) sources.push_back(python_source(files[i], items.at(i)));
    return sources;
  } catch (const Json::exception& error) {
    throw RuntimeFailure("migrate: " + python + " gave no readable answer: " + error.what());
  }
}

}  // namespace ringattn
