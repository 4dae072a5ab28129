#pragma once

#include "config/json.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// What a run of a released class ended with, on one rank or on all.
enum class RecordedResult { tensor, raises, hangs };
std::string_view to_string(RecordedResult result);

/// One recorded run of one released class on all ranks of its world: everything but its tensors.
struct RecordedRun {
  std::string id{};          ///< unique in its folder
  std::string alias{};       ///< short name of the class and commit
  std::string class_name{};  ///< Python's
  std::string commit{};
  std::string file{};
  std::string family{};  ///< the recorder's name of the function; for people
  std::string note{};
  int world_size = 1;
  bool is_causal = false;
  std::optional<std::int64_t> ring_size{};  ///< of the constructor's arguments; none: the world size
  std::vector<std::int64_t> segment_lengths{};
  std::vector<std::int64_t> dilation_rates{};
  Json constructor = Json::object();  ///< arguments besides lists, ring_size excepted; device and dtype as written
  Json call = Json::object();
  std::string patched{};  ///< what was changed to get a value that can be repeated; empty: as shipped
  /// [rank][step]: the chunk that a rank used where a race decided that; empty: no race.
  std::vector<std::vector<std::int64_t>> chunk_sequence{};
  bool is_presplit = false;  ///< each rank was given its own rows

  RecordedResult result = RecordedResult::tensor;
  std::string error{};  ///< Python's exception type, for `raises`
  std::string message{};
  std::vector<RecordedResult> rank_results{};  ///< where ranks ended differently; empty: all as `result`

  std::string input_set{};                 ///< its inputs are the tensors inputs/<set>/…
  std::optional<std::string> mask_name{};  ///< the tensor that the call names as its mask

  struct Gradient {
    RecordedResult result = RecordedResult::tensor;  ///< or `raises`: backward raised
    std::string error{};                             ///< Python's exception type, for `raises`
    std::string message{};
  };
  std::optional<Gradient> gradient_run{};  ///< of a training step, where one was recorded

  RecordedResult result_of(int rank) const;
};

/// One element of an index's cases. Throws UsageError naming the field for whatever is missing, of another type, or
/// contradictory. The messages' source names the case, where it has an id.
RecordedRun recorded_run_from_json(const JsonValue& recorded);

/// Every case of an index.json, in its order. UsageError also for two cases of one id. `take` is given each with the
/// JSON that it was read from, for what only its tensors can tell.
void for_each_recorded_run(std::string_view text, const std::string& source,
                           const std::function<void(const RecordedRun&, const JsonValue&)>& take);

}  // namespace ringattn
