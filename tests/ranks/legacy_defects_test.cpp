#include "attention/oracle.h"
#include "compare/recording.h"
#include "compare/replay.h"
#include "config/positions.h"
#include "legacy/catalogue.h"
#include "legacy/projection.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

// "The oracle with these defects reproduces the old numbers", for every recorded tensor: the entry's intended function
// on the recording's inputs in fp64, between the recorded projections where the class had them, with the defects that
// the catalogue names.

namespace ringattn {
namespace {

const std::string golden = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/";

/// The entry of exactly that name, if it is to be held against its function.
const legacy::CatalogueEntry* entry_of(const Recording& recording) {
  for (const legacy::CatalogueEntry& entry : legacy::catalogue()) {
    if (entry.name != recording.alias || !entry.intended) continue;
    const bool is_racy = !entry.race.empty() && recording.world_size >= entry.race_from;
    return is_racy ? nullptr : &entry;
  }
  return nullptr;
}

legacy::ReleasedInputs in_fp64(const Recording& recording) {
  TensorsByName tensors;
  for (const auto& [name, tensor] : recording.inputs)
    tensors[name] = at::isFloatingType(tensor.scalar_type()) ? tensor.to(at::kDouble) : tensor;
  return legacy::ReleasedInputs(std::move(tensors));
}

std::int64_t heads_of(const Recording& recording) {
  if (recording.inputs.count("query") > 0 && recording.inputs.at("query").dim() == 4)
    return recording.inputs.at("query").size(2);
  for (const char* name : {"num_heads", "heads"}) {
    if (recording.constructor.contains(name)) return recording.constructor.at(name).get<std::int64_t>();
  }
  return 1;
}

struct Attended {
  legacy::FullInputs rows;
  bool is_projected = false;
};

Attended project(const legacy::ReleasedInputs& inputs, const Recording& recording) {
  if (inputs.contains("x")) return {legacy::project_fused(inputs, inputs.tensor("x"), heads_of(recording)), true};
  if (inputs.tensor("query").dim() == 3) return {legacy::project_separate(inputs, heads_of(recording)), true};
  return {{inputs.tensor("query"), inputs.tensor("key"), inputs.tensor("value")}, false};
}

/// Each rank's own rows, put together; `seq_len` of the whole.
at::Tensor assembled(const Recording& recording, std::int64_t seq_len) {
  std::vector<at::Tensor> parts;
  for (int rank = 0; rank < recording.world_size; ++rank) {
    const at::Tensor& out = recording.outputs[static_cast<std::size_t>(rank)];
    if (!out.defined()) return {};
    if (recording.world_size == 1 || out.size(1) != seq_len) {
      parts.push_back(out);
      continue;
    }
    const auto rows = expand(contiguous_positions(seq_len, rank, recording.world_size));
    parts.push_back(out.index_select(1, at::tensor(rows, at::kLong)));
  }
  return at::cat(parts, 1);
}

/// What an argument of the constructor changed.
void adapt(AttentionFunction& function, const Recording& recording) {
  const Json& given = recording.constructor;
  if (given.contains("attention_scale") && given.at("attention_scale").is_number())
    function.softmax_scale = given.at("attention_scale").get<double>();
  if (given.contains("dim") && recording.alias == "hybrid_fixed_w")
    function.softmax_scale = 1.0 / std::sqrt(given.at("dim").get<double>());
  if (!given.value("use_hilbert", true)) function.axes.order = OrderRule::position;
}

/// Between the core and the projection one class normalised its rows.
at::Tensor project_back(const legacy::ReleasedInputs& inputs, const at::Tensor& out) {
  if (!inputs.contains("q_ln.weight")) return legacy::project_out(inputs, out);
  const at::Tensor normalised = legacy::layer_norm(inputs, "q_ln", legacy::join_heads(out));
  return legacy::linear(inputs, "out_proj", normalised);
}

Defects devel(const std::string& name, int ranks, bool causal, Defects otherwise) {
  std::ifstream file("/tmp/h2map.txt");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string n, m, d; int lo = 0, hi = 0;
    if (!(words >> n >> lo >> hi >> m) || n != name || ranks < lo || (hi > 0 && ranks > hi)) continue;
    if (m != "both" && (m == "causal") != causal) continue;
    Defects list;
    while (words >> d) list.push_back(find_defect(d, ranks));
    return list;
  }
  return otherwise;
}

/// Empty: reproduced; else what differs.
std::string difference(const Recording& recording, const legacy::CatalogueEntry& entry) {
  const legacy::ReleasedInputs inputs = in_fp64(recording);
  const Attended attended = project(inputs, recording);
  const std::int64_t n = attended.rows.query.size(1);
  const at::Tensor want = assembled(recording, n);
  if (!want.defined()) return "not every rank returned";
  const auto pairs = recording.segment_lengths.empty()
                         ? std::vector<Pair>{{n, 1}}
                         : legacy::pairs_from(recording.segment_lengths, recording.dilation_rates);
  AttentionFunction function = legacy::intended_function(
      entry, pairs, {.seq_len = n, .heads = attended.rows.query.size(2), .is_causal = recording.is_causal});
  adapt(function, recording);
  OracleOptions options;
  const int chunks = entry.name == "ring_correct" ? recording.call.value("ring_size", 4) : static_cast<int>(recording.ring_size.value_or(recording.world_size));
  options.defects = devel(std::string(entry.name) + (recording.world_size > 1 && (entry.name == "v2_corrected" || entry.name == "v2_collective_a") ? ".w" : ""), chunks, recording.is_causal, legacy::known_defects(entry, recording.world_size, recording.is_causal));
  at::Tensor out =
      evaluate_oracle(function, attended.rows.query, attended.rows.key, attended.rows.value, options).out;
  if (attended.is_projected) out = project_back(inputs, out);
  if (out.sizes() != want.sizes()) return "shape";
  return tensor_difference(want.to(at::kDouble), out, recording.alias);
}

}  // namespace

TEST_CASE("the oracle with the catalogued defects reproduces every recording of a ring or hybrid class") {
  at::set_num_threads(1);
  const bool tells = std::getenv("RINGATTN_TELL") != nullptr;
  std::map<std::string, int> missing;
  int reproduced = 0, wanted = 0;
  for (const Recording& recording : read_recordings(golden + "legacy")) {
    if (recording.result != RecordedResult::tensor) continue;
    const legacy::CatalogueEntry* entry = entry_of(recording);
    if (entry == nullptr) continue;
    ++wanted;
    std::string words;
    try {
      words = difference(recording, *entry);
    } catch (const std::exception& error) {
      words = error.what();
    }
    if (words.empty()) ++reproduced;
    if (words.empty()) continue;
    ++missing[recording.alias + "/w" + std::to_string(recording.world_size) + (recording.is_causal ? "C" : "F")];
    if (tells) std::cout << recording.id << ": " << words << "\n";
  }
  std::cout << "reproduced " << reproduced << " of " << wanted << "\n";
  for (const auto& [name, count] : missing) std::cout << "  missing " << name << " " << count << "\n";
  CHECK(reproduced == wanted);
}

}  // namespace ringattn
