# Run by ringattn_embed: writes OUTPUT, a header with ringattn::embedded::ARRAY, from FILES (separated by '|').
cmake_minimum_required(VERSION 3.25)
string(REPLACE "|" ";" FILES "${FILES}")
set(entries "")
set(count 0)
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME_WLE)
  file(READ "${file}" hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR bytes "${digits} / 2")
  # Hexadecimal escapes would swallow the digits that follow them; a list of characters is exact for any bytes.
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," characters "${hex}")
  string(MAKE_C_IDENTIFIER "${name}" identifier)
  string(APPEND data "inline constexpr char ${ARRAY}_${identifier}[] = {${characters}'\\0'};\n")
  string(APPEND entries "    {\"${name}\", {${ARRAY}_${identifier}, ${bytes}}},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE "${OUTPUT}.new" "// Generated: the text of files of the repository.
#pragma once
#include <array>
#include <string_view>
#include <utility>

namespace ringattn::embedded {
${data}
inline constexpr std::array<std::pair<std::string_view, std::string_view>, ${count}> ${ARRAY}{{
${entries}}};
}  // namespace ringattn::embedded
")
file(COPY_FILE "${OUTPUT}.new" "${OUTPUT}" ONLY_IF_DIFFERENT)
file(TOUCH_NOCREATE "${OUTPUT}")
