#include "cli/json_output.h"

#include "report/store.h"

namespace ringattn {

void show_result(Terminal& terminal, const std::string& target, const std::string& json, const std::string& text) {
  if (target == "-") return terminal.result(json + "\n");
  if (!target.empty()) write_file_atomically(target, json + "\n");
  terminal.result(text);
}

}  // namespace ringattn
