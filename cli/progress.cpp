#include "cli/progress.h"

#include <numeric>
#include <string>
#include <utility>

namespace ringattn {
namespace {

constexpr std::chrono::milliseconds silent_at_first{2000};
constexpr std::chrono::milliseconds redraw_every{100};

std::string two_digits(std::int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); }

std::string padded(std::int64_t number, std::size_t width) {
  std::string text = std::to_string(number);
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

}  // namespace

std::string clock_text(std::chrono::seconds duration) {
  const std::int64_t seconds = duration.count() % 60;
  const std::int64_t minutes = duration.count() / 60 % 60;
  const std::int64_t hours = duration.count() / 3600;
  if (hours == 0) return std::to_string(minutes) + ":" + two_digits(seconds);
  return std::to_string(hours) + ":" + two_digits(minutes) + ":" + two_digits(seconds);
}

std::chrono::seconds estimate_left(double done, double total, std::chrono::milliseconds elapsed) {
  if (done <= 0 || done >= total) return std::chrono::seconds(0);
  const double milliseconds = static_cast<double>(elapsed.count()) * (total - done) / done;
  return std::chrono::ceil<std::chrono::seconds>(std::chrono::duration<double, std::milli>(milliseconds));
}

Progress::Progress(Terminal& terminal, ProgressChoice choice, std::int64_t total, Clock clock)
    : Progress(terminal, choice, std::vector<double>(static_cast<std::size_t>(total), 1.0), std::move(clock)) {}

Progress::Progress(Terminal& terminal, ProgressChoice choice, std::vector<double> weights, Clock clock)
    : terminal_(terminal),
      choice_(choice),
      weights_(std::move(weights)),
      clock_(std::move(clock)),
      started_(clock_()),
      shown_(started_) {}

Progress::~Progress() {
  if (choice_ != ProgressChoice::never) terminal_.status("");
}

void Progress::begin(std::string_view label) {
  label_ = label;
  detail_.clear();
  show();
}

void Progress::detail(std::string_view text) {
  detail_ = text;
  if (clock_() - shown_ >= redraw_every) show();
}

void Progress::finish() {
  ++done_;
  const bool one_line_a_step = choice_ == ProgressChoice::always && !terminal_.notes_are_interactive();
  detail_ = "done";
  if (one_line_a_step) terminal_.note(line());
}

void Progress::show() {
  const auto now = clock_();
  if (choice_ == ProgressChoice::never || !terminal_.notes_are_interactive()) return;
  if (now - started_ < silent_at_first) return;
  shown_ = now;
  terminal_.status(line());
}

std::string Progress::line() const {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(clock_() - started_);
  const std::int64_t step = detail_ == "done" ? done_ : done_ + 1;
  const std::string total = std::to_string(weights_.size());
  std::string text = "[" + padded(step, total.size()) + "/" + total + "] " + label_;
  if (!detail_.empty()) text += " · " + detail_;
  const double all = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  const double done = std::accumulate(weights_.begin(), weights_.begin() + done_, 0.0);
  if (done > 0.0 && done < all) text += " · eta " + clock_text(estimate_left(done, all, elapsed));
  return text;
}

}  // namespace ringattn
