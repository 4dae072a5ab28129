#include "report/junit.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringattn {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Bytes of the UTF-8 sequence that begins `text`; 0 where it is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0x80                       ? 1
                             : byte(0) >= 0xC2 && byte(0) <= 0xDF ? 2
                             : (byte(0) & 0xF0) == 0xE0           ? 3
                             : byte(0) >= 0xF0 && byte(0) <= 0xF4 ? 4
                                                                  : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  if (length == 1) return 1;
  const unsigned char second = byte(1);
  const bool overlong = (byte(0) == 0xE0 && second < 0xA0) || (byte(0) == 0xF0 && second < 0x90);
  const bool surrogate = byte(0) == 0xED && second > 0x9F;
  const bool too_high = byte(0) == 0xF4 && second > 0x8F;
  return overlong || surrogate || too_high ? 0 : length;
}

std::string_view escaped(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&apos;";
    case '\n':
      return "&#10;";
    case '\t':
      return "&#9;";
    case '\r':
      return "&#13;";
    default:
      return static_cast<unsigned char>(c) < 0x20 ? kReplacement : std::string_view{};
  }
}

struct Counts {
  std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;
  std::string attributes() const {
    return fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"", tests, failures, errors, skipped);
  }
};

void count(const JUnitSuite& suite, Counts& counts) {
  const auto of = [&](JUnitStatus status) {
    return static_cast<std::size_t>(
        std::count_if(suite.cases.begin(), suite.cases.end(), [&](const JUnitCase& c) { return c.status == status; }));
  };
  counts.tests += suite.cases.size();
  counts.failures += of(JUnitStatus::failed);
  counts.errors += of(JUnitStatus::error);
  counts.skipped += of(JUnitStatus::skipped);
}

std::string element(const JUnitCase& c) {
  const std::string message = escape_xml(c.message), type = escape_xml(c.type);
  switch (c.status) {
    case JUnitStatus::failed:
      return fmt::format("<failure type=\"{}\" message=\"{}\"/>", type, message);
    case JUnitStatus::error:
      return fmt::format("<error type=\"{}\" message=\"{}\"/>", type, message);
    case JUnitStatus::skipped:
      return fmt::format("<skipped message=\"{}{}{}\"/>", type, type.empty() || message.empty() ? "" : ": ", message);
    case JUnitStatus::passed:
      break;
  }
  return message.empty() ? "" : fmt::format("<system-out>{}</system-out>", message);
}

std::string test_case(const JUnitCase& c) {
  return fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\">{}</testcase>\n",
                     escape_xml(c.class_name), escape_xml(c.name), c.seconds, element(c));
}

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string xml;
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const std::string_view special = length == 1 ? escaped(text.front()) : std::string_view{};
    if (length == 0)
      xml += kReplacement;
    else if (!special.empty())
      xml += special;
    else
      xml += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return xml;
}

std::string junit_xml(const JUnitSuites& suites) {
  Counts all;
  std::string body;
  for (const JUnitSuite& suite : suites.suites) {
    Counts counts;
    count(suite, counts);
    count(suite, all);
    body += fmt::format("  <testsuite name=\"{}\" {}>\n", escape_xml(suite.name), counts.attributes());
    for (const JUnitCase& c : suite.cases) body += test_case(c);
    body += "  </testsuite>\n";
  }
  return fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" {}>\n{}</testsuites>\n",
                     escape_xml(suites.name), all.attributes(), body);
}

}  // namespace ringattn
