#include "program.h"

#include <doctest/doctest.h>

#include <sstream>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

const std::vector<std::string> verbs{"compare", "bench",   "gate", "report", "plan",      "replay",
                                     "migrate", "explain", "list", "doctor", "completion"};

void fits_a_terminal(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    std::size_t columns = 0;
    for (const char c : line) columns += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
    INFO(line);
    CHECK(columns <= 140);
  }
}

TEST_CASE("the program's help names every verb and every exit code") {
  const Finished f = run({"--help"});
  CHECK(f.code == 0);
  CHECK(f.err.empty());
  for (const std::string& verb : verbs) CHECK(contains(f.out, "  " + verb + " "));
  for (const char* code : {"0  ", "1  ", "2  ", "3  ", "4  ", "5  ", "130"})
    CHECK(contains(f.out, std::string("\n") + code));
  CHECK(contains(f.out, "ringattn compare --old v2 --new standard"));
  CHECK(run({"-h"}).out == f.out);
  fits_a_terminal(f.out);
}

TEST_CASE("each verb's help has usage, options and examples, and no markup") {
  for (const std::string& verb : verbs) {
    CAPTURE(verb);
    const Finished f = run({verb, "--help"});
    CHECK(f.code == 0);
    CHECK(f.err.empty());
    CHECK(f.out.starts_with("ringattn " + verb + "\n"));
    CHECK(contains(f.out, "\nUsage\n"));
    CHECK(contains(f.out, "\nOptions\n"));
    CHECK(contains(f.out, "--color auto|always|never"));
    CHECK(contains(f.out, "\nExamples\n"));
    CHECK(!contains(f.out, "```"));
    CHECK(!contains(f.out, "<!--"));
    CHECK(!contains(f.out, "\x1b"));
    fits_a_terminal(f.out);
  }
}

TEST_CASE("the help of compare lists every flag") {
  const std::string help = run({"compare", "--help"}).out;
  for (const char* flag : {"--old",      "--new",     "--as-shipped", "--new-config",  "--inputs", "--preset",
                           "-a, --axis", "--set",     "--json",       "--rtol",        "--atol",   "--accept",
                           "--strict",   "--pairs",   "--no-time",    "--time-budget", "--bundle", "--resume",
                           "--seed",     "--timeout", "--progress",   "-q, --quiet",   "--color"}) {
    CAPTURE(flag);
    CHECK(contains(help, flag));
  }
}

TEST_CASE("help wins over what is missing") { CHECK(run({"compare", "--help"}).code == 0); }

TEST_CASE("--version names program, version and LibTorch in one line") {
  const Finished f = run({"--version"});
  CHECK(f.code == 0);
  CHECK(f.out.starts_with("ringattn "));
  CHECK(contains(f.out, "LibTorch 2."));
  CHECK(f.out.find('\n') == f.out.size() - 1);
}

}  // namespace
}  // namespace ringattn
