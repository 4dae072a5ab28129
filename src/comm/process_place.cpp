#include "comm/process_place.h"

#include "config/error.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>

namespace ringattn {
namespace {

using Variables = std::map<std::string, std::string>;

/// How a launcher spells what every launcher says.
struct Spelling {
  const char* rank;
  const char* size;
  const char* local_size;  ///< processes on this host; "" where the launcher doesn't say
  const char* wanted;      ///< set where the two above speak of this process; "" where they always do
};

// In a Slurm batch script, and in a shell of an allocation, the job's variables are there without a step of many tasks.
constexpr std::array kSpellings = {
    Spelling{"RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", ""},
    Spelling{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", ""},
    Spelling{"PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS", ""},
    Spelling{"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "", "SLURM_STEP_ID"},
};

std::string value_of(const Variables& variables, const char* name) {
  const auto found = variables.find(name);
  return found == variables.end() ? "" : found->second;
}

int number_of(const Variables& variables, const char* name, int low, int high) {
  const std::string text = value_of(variables, name);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value >= low && value <= high) return value;
  const std::string upper = high == std::numeric_limits<int>::max() ? "" : " and at most " + std::to_string(high);
  throw UsageError(std::string(name) + ": \"" + text + "\" must be an integer, at least " + std::to_string(low) +
                   upper);
}

bool is_on_one_host(const Variables& variables, const Spelling& spelling, int size) {
  if (value_of(variables, spelling.local_size) == std::to_string(size)) return true;
  return value_of(variables, "SLURM_STEP_NUM_NODES") == "1" && spelling.wanted == std::string_view("SLURM_STEP_ID");
}

std::string master_of(const Variables& variables, const Spelling& spelling, int size) {
  std::string master = value_of(variables, "MASTER_ADDR");
  if (!master.empty()) return master;
  if (is_on_one_host(variables, spelling, size)) return "127.0.0.1";
  if (spelling.wanted == std::string_view("SLURM_STEP_ID"))
    master = first_host(value_of(variables, "SLURM_STEP_NODELIST"));
  if (master.empty())
    throw UsageError("MASTER_ADDR: is not set, but " + std::string(spelling.size) + " is " + std::to_string(size) +
                     "; set it to the host of rank 0, so that the processes can meet there");
  return master;
}

}  // namespace

std::optional<ProcessPlace> process_place(const Variables& variables) {
  const auto has = [&](const char* name) { return variables.contains(name); };
  const auto spelling = std::find_if(kSpellings.begin(), kSpellings.end(), [&](const Spelling& s) {
    return has(s.size) && has(s.rank) && (*s.wanted == '\0' || has(s.wanted));
  });
  if (spelling == kSpellings.end()) return std::nullopt;
  ProcessPlace place;
  place.world_size = number_of(variables, spelling->size, 1, std::numeric_limits<int>::max());
  place.rank = number_of(variables, spelling->rank, 0, place.world_size - 1);
  if (place.world_size == 1) return std::nullopt;
  place.launcher = spelling->rank;
  place.master_address = master_of(variables, *spelling, place.world_size);
  if (has("MASTER_PORT")) place.master_port = number_of(variables, "MASTER_PORT", 1, 65535);
  const std::string agent = value_of(variables, "TORCHELASTIC_USE_AGENT_STORE");
  place.store_is_launchers = agent == "True" || agent == "1";
  place.attempt = value_of(variables, "TORCHELASTIC_RESTART_COUNT");
  if (has("RINGATTN_LISTENER"))
    place.listener = number_of(variables, "RINGATTN_LISTENER", 0, std::numeric_limits<int>::max());
  place.interface = value_of(variables, "RINGATTN_INTERFACE");
  return place;
}

std::string first_host(const std::string& list) {
  const std::size_t end = list.find_first_of(",[");
  if (end == std::string::npos || list[end] == ',') return list.substr(0, end);
  const std::size_t number = end + 1;
  const std::size_t number_end = list.find_first_of(",-]", number);
  if (number_end == std::string::npos) return "";
  return list.substr(0, end) + list.substr(number, number_end - number);
}

}  // namespace ringattn
