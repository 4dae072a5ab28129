#include "config/json.h"
#include "fuzz.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>

// Bytes turned at random are rarely JSON, and readers refuse them at the door. Half of the inputs that are JSON are
// therefore changed as values: one of them replaced, removed, doubled or renamed.

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace ringattn::fuzz {
namespace {

constexpr int places_max = 4096;

using Random = std::minstd_rand;

std::size_t below(Random& random, std::size_t count) { return random() % count; }

/// What readers have to be ready for.
Json awkward_value(Random& random) {
  constexpr double most = std::numeric_limits<double>::max();
  constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
  static const std::vector<Json> values{nullptr,
                                        true,
                                        false,
                                        0,
                                        1,
                                        -1,
                                        2,
                                        1000,
                                        65536,
                                        last,
                                        -last - 1,
                                        std::numeric_limits<std::uint64_t>::max(),
                                        std::int64_t{1} << 32,
                                        std::numeric_limits<std::int32_t>::max(),
                                        0.0,
                                        -0.0,
                                        0.5,
                                        1e-300,
                                        std::numeric_limits<double>::denorm_min(),
                                        most,
                                        -most,
                                        "",
                                        "nan",
                                        "inf",
                                        "-inf",
                                        "none",
                                        "0:1",
                                        "\xC3\xA9/~<\"|`\\\n",
                                        Json::array(),
                                        Json::object(),
                                        Json::array({0}),
                                        Json::object({{"", 0}})};
  return values[below(random, values.size())];
}

/// Every value below `root`, itself included.
void list_places(Json& value, std::vector<Json*>& places) {
  if (places.size() >= places_max) return;
  places.push_back(&value);
  if (!value.is_structured()) return;
  for (Json& inner : value) list_places(inner, places);
}

void remove_one(Json& value, Random& random) {
  if (value.is_array() && !value.empty()) value.erase(below(random, value.size()));
  if (!value.is_object() || value.empty()) return;
  auto item = value.begin();
  std::advance(item, static_cast<std::ptrdiff_t>(below(random, value.size())));
  value.erase(item.key());
}

void add_one(Json& value, const Json& other, Random& random) {
  if (value.is_array())
    value.push_back(value.empty() || below(random, 2) == 0 ? other : value[below(random, value.size())]);
  if (value.is_object()) value["key" + std::to_string(below(random, 4))] = other;
}

void turn_number(Json& value, Random& random) {
  if (value.is_number_float()) value = value.get<double>() * (below(random, 2) == 0 ? -1.5 : 1e9);
  if (value.is_number_integer())
    value = static_cast<std::int64_t>(value.get<std::uint64_t>() * (1 + below(random, 3)) + below(random, 3) - 1);
}

void change(Json& root, Random& random) {
  std::vector<Json*> places;
  list_places(root, places);
  Json& chosen = *places[below(random, places.size())];
  const Json other = *places[below(random, places.size())];
  switch (below(random, 6)) {
    case 0:
      chosen = awkward_value(random);
      break;
    case 1:
      chosen = other;
      break;
    case 2:
      remove_one(chosen, random);
      break;
    case 3:
      add_one(chosen, below(random, 2) == 0 ? other : awkward_value(random), random);
      break;
    default:
      turn_number(chosen, random);
  }
}

/// The text with some of its values changed; "" where it is no JSON.
std::string changed(std::string_view text, Random& random) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return "";
  for (std::size_t i = 0; i <= below(random, 3); ++i) change(json, random);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// One of the lines, where lines are JSON.
std::string changed_line(std::string_view text, Random& random) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  if (lines == 0) return "";
  std::string result;
  const std::size_t wanted = below(random, lines);
  for (std::size_t line = 0; !text.empty(); ++line) {
    const std::string_view here = take_line(text);
    const std::string fresh = line == wanted ? changed(here, random) : "";
    result += (fresh.empty() ? std::string(here) : fresh) + "\n";
  }
  return result;
}

}  // namespace
}  // namespace ringattn::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                               unsigned seed) {
  using namespace ringattn::fuzz;
  Random random(seed);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string fresh;
  if (below(random, 2) == 0) fresh = changed(text, random);
  if (fresh.empty() && below(random, 2) == 0) fresh = changed_line(text, random);
  if (fresh.empty() || fresh.size() > size_max) return LLVMFuzzerMutate(data, size, size_max);
  std::copy(fresh.begin(), fresh.end(), reinterpret_cast<char*>(data));
  return fresh.size();
}
