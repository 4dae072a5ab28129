#include "config/json.h"
#include "fuzz.h"

namespace ringattn::fuzz {
namespace {

void examine(std::string_view text) {
  const auto value = value_or_refusal([&] { return parse_json_strict(text, "file"); }, "file: ");
  if (!value) return;
  require(parse_json_strict(value->dump(), "written") == *value, "what was read is read again from what was written");
}

const Fuzzer registered("json", examine);

}  // namespace

}  // namespace ringattn::fuzz
