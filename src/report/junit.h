#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// JUnit XML as GitHub, GitLab and Jenkins read it: testsuites of testsuite of testcase.

namespace ringattn {

enum class JUnitStatus { passed, failed, skipped, error };

struct JUnitCase {
  std::string class_name;
  std::string name;
  JUnitStatus status = JUnitStatus::passed;
  std::string type{};     ///< a word for what failed
  std::string message{};  ///< of a failure, an error, or why it was skipped; of a passed one its output
  double seconds = 0.0;
};

struct JUnitSuite {
  std::string name;
  std::vector<JUnitCase> cases{};
};

struct JUnitSuites {
  std::string name;
  std::vector<JUnitSuite> suites{};
};

/// UTF-8 text for an attribute or an element: & < > " ' escaped; characters that XML 1.0 forbids, and bytes that are no
/// UTF-8, become U+FFFD. New lines and tabs are kept as references, as attributes would lose them.
std::string escape_xml(std::string_view text);

/// The document, with counts of tests, failures, errors and skipped in every suite and above.
std::string junit_xml(const JUnitSuites& suites);

}  // namespace ringattn
