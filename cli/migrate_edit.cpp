#include "cli/migrate_edit.h"

#include "config/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace ringattn {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view helper_module = "dilated_attention_pytorch.ring";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Where each line begins, as Python counts lines: \n, \r\n and \r end one. One more entry for the end of the text.
std::vector<std::size_t> line_begins(const std::string& text) {
  std::vector<std::size_t> begins{text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_pair = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if (text[i] == '\n' || (text[i] == '\r' && !is_pair)) begins.push_back(i + 1);
  }
  if (begins.back() != text.size()) begins.push_back(text.size());
  return begins;
}

std::string newline_of(const std::string& text) {
  const std::size_t at = text.find_first_of("\r\n");
  if (at == std::string::npos || text[at] == '\n') return "\n";
  return text.compare(at, 2, "\r\n") == 0 ? "\r\n" : "\r";
}

struct Edit {
  std::size_t begin = 0, end = 0;
  std::string replacement;
};

/// The import statement that is missing; "" where everything is imported.
std::string import_line(const PythonSource& source) {
  std::string names;
  for (const std::string& name : migration_helpers()) {
    if (source.helpers.count(name) == 0) names += (names.empty() ? "" : ", ") + name;
  }
  return names.empty() ? "" : fmt::format("from {} import {}", helper_module, names);
}

std::string without_end(std::string line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  return line;
}

std::string marked(const std::string& text, char mark) {
  std::string result;
  const std::vector<std::size_t> begins = line_begins(text);
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    result += mark + without_end(text.substr(begins[i], begins[i + 1] - begins[i])) + "\n";
  }
  return result;
}

/// One hunk for all edits that touch one run of lines.
std::string hunk(const std::string& text, const std::vector<std::size_t>& begins, const std::vector<Edit>& edits) {
  const auto line_of = [&](std::size_t at) {
    return static_cast<std::size_t>(std::upper_bound(begins.begin(), begins.end(), at) - begins.begin() - 1);
  };
  const std::size_t first = line_of(edits.front().begin);
  const std::size_t last = edits.back().begin == edits.back().end ? first : line_of(edits.back().end);
  const std::size_t begin = begins[first];
  const bool is_insertion = edits.size() == 1 && edits.front().begin == edits.front().end;
  const std::size_t end = is_insertion ? begin : begins[std::min(last + 1, begins.size() - 1)];
  std::string fresh;
  std::size_t at = begin;
  for (const Edit& edit : edits) {
    fresh += text.substr(at, edit.begin - at) + edit.replacement;
    at = edit.end;
  }
  fresh += text.substr(at, end > at ? end - at : 0);
  return fmt::format("@@ line {} @@\n", first + 1) + marked(text.substr(begin, end - begin), '-') + marked(fresh, '+');
}

std::string diff_of(const std::string& text, const std::vector<Edit>& edits) {
  const std::vector<std::size_t> begins = line_begins(text);
  const auto line_of = [&](std::size_t at) { return std::upper_bound(begins.begin(), begins.end(), at); };
  std::string diff;
  for (std::size_t i = 0; i < edits.size();) {
    std::size_t j = i + 1;
    const bool is_insertion = edits[i].begin == edits[i].end;
    while (!is_insertion && j < edits.size() && line_of(edits[j].begin) == line_of(edits[j - 1].end)) ++j;
    diff += hunk(text, begins,
                 std::vector<Edit>(edits.begin() + static_cast<std::ptrdiff_t>(i),
                                   edits.begin() + static_cast<std::ptrdiff_t>(j)));
    i = j;
  }
  return diff;
}

std::string read_bytes(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw RuntimeFailure("migrate: cannot read " + path.string());
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A file beside `path` with that text and the same permissions.
fs::path write_beside(const fs::path& path, const std::string& text) {
  std::string name = path.string() + ".XXXXXX";
  const int file = mkstemp(name.data());
  const auto fail = [&] { throw RuntimeFailure("migrate: " + path.string() + ": " + std::strerror(errno)); };
  if (file < 0) fail();
  close(file);
  std::ofstream stream(name, std::ios::binary);
  stream << text;
  stream.close();
  std::error_code error;
  if (stream) fs::permissions(name, fs::status(path).permissions(), error);
  if (stream && !error) return name;
  fs::remove(name, error);
  throw RuntimeFailure("migrate: " + path.string() + ": the new text cannot be written");
}

std::int64_t constructs(const PythonSource& source) {
  return std::count_if(source.uses.begin(), source.uses.end(),
                       [](const PythonUse& use) { return use.kind == PythonUseKind::construct; });
}

bool holds(const PythonUse& outer, const PythonUse& inner) {
  const auto begin = [](const PythonUse& use) { return std::pair(use.line, use.column); };
  const auto end = [](const PythonUse& use) { return std::pair(use.end_line, use.end_column); };
  return &outer != &inner && begin(outer) <= begin(inner) && end(inner) <= end(outer);
}

}  // namespace

std::vector<std::string> migration_helpers() { return {"RingAttentionConfig", "create_ring_attention"}; }

bool is_writable(const PythonSource& source, const Migration& migration) {
  const PythonUse& use = migration.use;
  const bool is_utf8 = source.encoding == "utf-8" || source.encoding == "utf-8-sig";
  const bool is_clear =
      use.kind == PythonUseKind::construct && !use.has_comment && !use.hides_helper && use.line > source.import_after;
  const bool names_are_free = std::all_of(source.helpers.begin(), source.helpers.end(),
                                          [](const auto& each) { return each.second == helper_module; });
  const bool is_alone = std::none_of(source.uses.begin(), source.uses.end(), [&](const PythonUse& other) {
    const bool is_itself = other.line == use.line && other.column == use.column && other.kind == use.kind;
    return !is_itself && (holds(use, other) || holds(other, use));
  });
  return migration.advice.outcome == MigrationOutcome::preserved && migration.advice.carries_over && is_utf8 &&
         is_clear && names_are_free && is_alone;
}

EditedText edit_text(const std::string& text, const PythonSource& source, const std::vector<const Migration*>& edits) {
  const std::vector<std::size_t> begins = line_begins(text);
  const auto offset = [&](std::int64_t line, std::int64_t column) {
    return begins.at(static_cast<std::size_t>(line - 1)) + static_cast<std::size_t>(column);
  };
  std::vector<Edit> all;
  if (const std::string line = import_line(source); !line.empty()) {
    const std::size_t at = begins.at(static_cast<std::size_t>(source.import_after));
    all.push_back({at, at, line + newline_of(text)});
  }
  for (const Migration* each : edits) {
    const PythonUse& use = each->use;
    all.push_back(
        {offset(use.line, use.column), offset(use.end_line, use.end_column), python_expression(each->advice)});
  }
  // Stable: the import comes before a call that begins at the same place.
  std::stable_sort(all.begin(), all.end(), [](const Edit& a, const Edit& b) { return a.begin < b.begin; });
  EditedText result{text, diff_of(text, all)};
  std::reverse(all.begin(), all.end());
  for (const Edit& edit : all) {
    result.text.replace(edit.begin, edit.end - edit.begin, edit.replacement);
  }
  return result;
}

std::string write_file(const PythonSource& source, std::vector<Migration>& migrations, const std::string& python) {
  std::vector<const Migration*> edits;
  for (const Migration& migration : migrations) {
    if (is_writable(source, migration)) edits.push_back(&migration);
  }
  if (edits.empty()) return "";
  const fs::path real = fs::canonical(source.path);
  const EditedText edited = edit_text(read_bytes(real), source, edits);
  const fs::path fresh = write_beside(real, edited.text);
  std::error_code error;
  try {
    std::vector<std::string> classes;
    for (const Migration* each : edits) classes.push_back(each->use.class_name);
    std::int64_t before = 0;
    for (const Migration& each : migrations) {
      const bool is_counted = std::find(classes.begin(), classes.end(), each.use.class_name) != classes.end();
      before += is_counted && each.use.kind == PythonUseKind::construct ? 1 : 0;
    }
    const PythonSource again = find_python_uses(python, {fresh}, classes, migration_helpers()).front();
    const auto left = before - static_cast<std::int64_t>(edits.size());
    if (!again.error.empty() || constructs(again) != left) {
      throw RuntimeFailure("migrate: " + source.path.string() +
                           " is left as it is: the rewritten text would not be sound " + again.error);
    }
    fs::rename(fresh, real);
  } catch (...) {
    fs::remove(fresh, error);
    throw;
  }
  for (Migration& migration : migrations) migration.is_written = is_writable(source, migration);
  return fmt::format("--- {0}\n+++ {0}\n", source.path.string()) + edited.diff;
}

}  // namespace ringattn
