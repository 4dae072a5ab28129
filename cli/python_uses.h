#pragma once

#include "config/json.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// An argument of a call, as cli/python/uses.py reads it.
struct PythonArgument {
  std::optional<std::string> name{};  ///< none: by position
  std::optional<Json> value{};        ///< of a literal
  std::string text{};
  std::vector<PythonArgument> fields{};  ///< of a configuration object
};

enum class PythonUseKind { construct, subclass, reference, import };
std::string_view to_string(PythonUseKind kind);

/// One use of a released class.
struct PythonUse {
  PythonUseKind kind = PythonUseKind::construct;
  std::string class_name;
  std::string module;       ///< where it was imported from, "" where that is not known
  std::int64_t line = 0;    ///< from 1
  std::int64_t column = 0;  ///< UTF-8 bytes, from 0
  std::int64_t end_line = 0;
  std::int64_t end_column = 0;
  std::vector<PythonArgument> arguments{};
  bool has_comment = false;   ///< inside the call
  bool hides_helper = false;  ///< a name of `helpers` means something else there
  bool is_indirect = false;   ///< not a plain call of the class
  std::vector<std::string> unsure{};
};

struct PythonSource {
  std::filesystem::path path;
  std::string error{};                           ///< why it could not be read; "" where it was
  std::string encoding{};                        ///< Python's name of it
  std::int64_t import_after = 0;                 ///< the line behind which an import statement can be put
  std::map<std::string, std::string> helpers{};  ///< name -> module that it is imported from, "" where it is not
  std::vector<PythonUse> uses{};
};

/// Bytes as the characters U+0000 … U+00FF: neither a path nor a source need be UTF-8, JSON has to be.
std::string as_latin1(const std::string& bytes);
/// A Python script after which the scanner's modules (cli/python) can be imported: an import of one of them finds its
/// text there.
std::string scanner_prelude();
/// An element of "files" in what cli/python/uses.py answers.
PythonSource python_source(const std::filesystem::path& path, const Json& item);

/// Uses of these classes in the files, in their order; `helpers` are names that a rewritten file would import. Throws
/// RuntimeFailure where Python breaks.
std::vector<PythonSource> find_python_uses(const std::string& python, const std::vector<std::filesystem::path>& files,
                                           const std::vector<std::string>& classes,
                                           const std::vector<std::string>& helpers);

}  // namespace ringattn
