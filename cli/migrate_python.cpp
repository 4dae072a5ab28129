#include "cli/migrate_advice.h"

#include <algorithm>
#include <sstream>

namespace ringattn {
namespace {

constexpr std::string_view mark = "  # ringattn only";

/// "    dropout=0.1,  # ringattn only …" of to_python.
PythonField field_of(std::string line) {
  const std::size_t note = line.find(mark);
  line = line.substr(4, (note == std::string::npos ? line.size() : note) - 4);
  const std::size_t equals = line.find('=');
  return {line.substr(0, equals), line.substr(equals + 1, line.rfind(',') - equals - 1), note == std::string::npos};
}

bool is_empty_list(const PythonField& field) { return field.value == "[]"; }

}  // namespace

std::string_view to_string(MigrationOutcome outcome) {
  switch (outcome) {
    case MigrationOutcome::preserved:
      return "preserved";
    case MigrationOutcome::decide:
      return "decide";
    case MigrationOutcome::nothing:
      return "nothing to do";
  }
  return "";
}

std::vector<PythonField> python_fields(const Advice& advice) {
  std::vector<PythonField> fields;
  std::istringstream lines(to_python(*advice.config));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("    ")) fields.push_back(field_of(line));
  }
  for (const auto& [name, text] : advice.expressions) {
    const std::string& wanted = name;
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const PythonField& each) { return each.name == wanted; });
    if (found != fields.end()) {
      found->value = text;
    } else {
      fields.push_back({name, text, name != "softmax_scale"});
    }
  }
  fields.erase(std::remove_if(fields.begin(), fields.end(), is_empty_list), fields.end());
  return fields;
}

std::string python_text(const Advice& advice) {
  std::string text = "config = RingAttentionConfig(\n";
  for (const PythonField& field : python_fields(advice)) {
    text += "    " + field.name + "=" + field.value + ",";
    text += field.in_guide ? "\n" : std::string(mark) + ": the released Python class has no such field\n";
  }
  return text + ")\nattention = create_ring_attention(\"standard\", config)\n";
}

std::string python_expression(const Advice& advice) {
  std::string text = "create_ring_attention(\"standard\", RingAttentionConfig(";
  bool is_first = true;
  for (const PythonField& field : python_fields(advice)) {
    text += (is_first ? "" : ", ") + field.name + "=" + field.value;
    is_first = false;
  }
  return text + "))";
}

}  // namespace ringattn
