#include "comm/row_copy.h"

#include <algorithm>
#include <cstring>

namespace ringattn {
namespace {

/// A place in a list of blocks: the next row that has not been consumed.
class RowCursor {
 public:
  explicit RowCursor(std::span<const Block> blocks) : blocks_(blocks) { skip_empty(); }

  bool at_end() const { return index_ == blocks_.size(); }
  std::int64_t row_bytes() const { return blocks_[index_].row_bytes; }
  std::int64_t stride() const { return blocks_[index_].row_stride_bytes; }
  std::int64_t rows_left() const { return blocks_[index_].rows - row_; }
  std::byte* data() const { return blocks_[index_].data + row_ * stride(); }

  void advance(std::int64_t rows) {
    row_ += rows;
    if (row_ < blocks_[index_].rows) return;
    row_ = 0;
    ++index_;
    skip_empty();
  }

 private:
  void skip_empty() {
    while (!at_end() && blocks_[index_].bytes() == 0) ++index_;
  }

  std::span<const Block> blocks_;
  std::size_t index_ = 0;
  std::int64_t row_ = 0;
};

}  // namespace

bool same_rows(std::span<const Block> source, std::span<const Block> target) {
  RowCursor from(source), to(target);
  while (!from.at_end() && !to.at_end()) {
    if (from.row_bytes() != to.row_bytes()) return false;
    const std::int64_t rows = std::min(from.rows_left(), to.rows_left());
    from.advance(rows);
    to.advance(rows);
  }
  return from.at_end() && to.at_end();
}

void for_each_stretch(std::span<const Block> source, std::span<const Block> target,
                      const std::function<void(const PairedRows&)>& use) {
  RowCursor from(source), to(target);
  while (!from.at_end()) {
    const std::int64_t rows = std::min(from.rows_left(), to.rows_left());
    use({from.data(), to.data(), rows, from.row_bytes(), from.stride(), to.stride()});
    from.advance(rows);
    to.advance(rows);
  }
}

std::int64_t copy_rows(std::span<const Block> source, std::span<const Block> target,
                       const std::function<void(std::span<const std::byte>)>& on_run) {
  std::int64_t copied = 0;
  for_each_stretch(source, target, [&](const PairedRows& all) {
    const bool is_one_run =
        all.rows == 1 || (all.from_stride_bytes == all.row_bytes && all.to_stride_bytes == all.row_bytes);
    const std::int64_t runs = is_one_run ? 1 : all.rows;
    const auto bytes = static_cast<std::size_t>(all.rows / runs * all.row_bytes);
    for (std::int64_t i = 0; i < runs; ++i) {
      const std::byte* from = all.from + i * all.from_stride_bytes;
      if (on_run) on_run({from, bytes});
      std::memcpy(all.to + i * all.to_stride_bytes, from, bytes);
    }
    copied += all.rows * all.row_bytes;
  });
  return copied;
}

}  // namespace ringattn
