#pragma once

#include "plan/plan.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ringattn {

/// Rows [begin, end) of a rank.
struct RowRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
  bool operator==(const RowRange&) const = default;
};

/// Where a rank's rows have their running result on a GPU, where every pass over them counts:
///   none:   nothing came yet
///   first:  in the first partial, which covered all rows and is kept as it came
///   state:  in the running state
///   result: ended, in the result; no later tile has these rows
/// Bookkeeping alone, without tensors: device_state.cpp moves the numbers, measure/price.cpp prices what is alive.
class StateBook {
 public:
  enum class Place { none, first, state, result };
  /// Rows whose result goes from one place to another, joined with the partial at hand, or, where `is_alone`, as it is.
  struct Move {
    RowRange rows;
    Place from = Place::none;
    Place to = Place::state;
    bool is_alone = false;
  };

  explicit StateBook(const Plan& plan);

  /// A call's partial of the plan's tile number `tile`, counted through all steps. In plain cases the moves cover its
  /// rows. Otherwise (not all heads, or rows that are no stretch) they bring everything into the state, into which the
  /// partial is then to be merged: is_plain tells which.
  struct Merge {
    bool is_plain = true;
    std::vector<Move> moves;
  };
  Merge merge(std::size_t tile, HeadRange heads, const Rows& rows, bool is_list);
  /// What is not in the result yet; the moves are alone, from none: zeros.
  std::vector<Move> finish();

  bool has_first() const { return holds(Place::first); }
  bool has_state() const { return has_state_; }
  bool has_result() const { return has_result_; }

 private:
  struct Span {
    RowRange rows;
    Place place = Place::none;
  };
  bool holds(Place place) const;
  void cut(std::int64_t row);
  bool is_last(std::size_t tile, const RowRange& rows) const;
  void note(const std::vector<Move>& moves);

  std::int64_t rows_;
  std::int64_t heads_;
  std::vector<RowRange> hulls_;  ///< of every tile, in order
  std::vector<Span> spans_;
  bool has_state_ = false;
  bool has_result_ = false;
};

}  // namespace ringattn
