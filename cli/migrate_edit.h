#pragma once

#include "cli/migrate_advice.h"

#include <string>
#include <vector>

namespace ringattn {

/// The names that a rewritten file needs, and where from.
std::vector<std::string> migration_helpers();

/// A use with what is to be done about it, and what --write did.
struct Migration {
  PythonUse use{};
  Advice advice{};
  bool is_written = false;
};

/// Whether --write may replace the call.
bool is_writable(const PythonSource& source, const Migration& migration);

/// Replaces the writable calls of one file and adds the import line that they need. Everything else stays as it is,
/// byte for byte. The file is replaced as a whole, by a rename, and only where Python can parse the result and finds
/// that many uses less. Returns the change as a diff; "" where there is none. Throws RuntimeFailure where it cannot be
/// written.
std::string write_file(const PythonSource& source, std::vector<Migration>& migrations, const std::string& python);

/// The text with the calls replaced, and the diff; pure.
struct EditedText {
  std::string text, diff;
};
EditedText edit_text(const std::string& text, const PythonSource& source, const std::vector<const Migration*>& edits);

}  // namespace ringattn
