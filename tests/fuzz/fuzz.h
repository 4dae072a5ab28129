#pragma once

#include "config/error.h"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

// What every fuzzer claims of its reader: any bytes at all give a value, or a UsageError that says what is wrong.
// Another exception, a sanitizer's report, a hang, or an allocation out of proportion ends the process, and the fuzzer
// keeps the bytes.

namespace ringattn::fuzz {

/// What a fuzzer does with each input. A static one in its source enters it in the list that main.cpp chooses from.
struct Fuzzer {
  Fuzzer(const char* fuzzer_name, void (*of_bytes)(std::string_view));
  const char* name;
  void (*examine)(std::string_view text);
};

/// Ends the process where a reader broke its word.
inline void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

/// What `read` gives, or none where it refuses. `source` is what its messages have to begin with.
template <typename Read>
auto value_or_refusal(Read read, std::string_view source = "") -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const UsageError& error) {
    const std::string_view message = error.what();
    require(!message.empty() && message.starts_with(source), "a refusal has words and begins with its source");
    return std::nullopt;
  }
}

/// The first line of the text, which loses it with its end.
inline std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace ringattn::fuzz
