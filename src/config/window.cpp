#include "config/window.h"

#include "config/error.h"

#include <charconv>

namespace ringattn {
namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& field) {
  throw UsageError(field + ": \"" + std::string(text) +
                   "\" is no window; write none, 256 (both sides) or 256:0 (left:right, -1 for no limit)");
}

/// A side of at least `low`.
std::int64_t side(std::string_view part, std::int64_t low, std::string_view text, const std::string& field) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
  if (error != std::errc{} || end != part.data() + part.size() || value < low) refuse(text, field);
  return value;
}

}  // namespace

Window parse_window(std::string_view text, const std::string& field) {
  if (text == "none") return {};
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    const std::int64_t both = side(text, 0, text, field);
    return {both, both};
  }
  return {side(text.substr(0, colon), -1, text, field), side(text.substr(colon + 1), -1, text, field)};
}

std::string to_string(const Window& window) {
  if (window.is_open()) return "none";
  if (window.left == window.right) return std::to_string(window.left);
  return std::to_string(window.left) + ":" + std::to_string(window.right);
}

}  // namespace ringattn
