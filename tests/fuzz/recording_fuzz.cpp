#include "compare/recorded_run.h"
#include "fuzz.h"

#include <set>

namespace ringattn::fuzz {
namespace {

/// index.json of a folder of recordings.
void examine(std::string_view text) {
  std::set<std::string> ids;
  value_or_refusal(
      [&] {
        for_each_recorded_run(text, "index.json", [&](const RecordedRun& run, const JsonValue&) {
          ids.insert(run.id);
          require(run.world_size >= 1 && run.constructor.is_object() && run.call.is_object(), "a run has its call");
          for (int rank = 0; rank < run.world_size; ++rank) (void)to_string(run.result_of(rank));
          for (const auto& steps : run.chunk_sequence)
            for (const std::int64_t chunk : steps) require(chunk >= 0 && chunk < run.world_size, "chunks are ranks'");
          require(run.chunk_sequence.empty() || run.chunk_sequence.size() == static_cast<std::size_t>(run.world_size),
                  "each rank has its chunks");
        });
        return true;
      },
      "index.json");
}

const Fuzzer registered("recording", examine);

}  // namespace

}  // namespace ringattn::fuzz
