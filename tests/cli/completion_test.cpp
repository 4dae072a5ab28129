#include "program.h"

#include <doctest/doctest.h>

#include <sstream>

namespace ringattn {
namespace {

using test::contains;
using test::run;
using test::run_program;

std::string script(const std::string& shell) {
  const test::Finished f = run({"completion", shell});
  CHECK(f.code == 0);
  CHECK(f.err.empty());
  return f.out;
}

/// What bash offers for this half-written command line.
std::string offered(const std::vector<std::string>& words) {
  // Files of the current folder are offered too where a flag takes one: from an empty one.
  std::string program = script("bash") + "\ncd \"$(mktemp -d)\"\ncompopt() { :; }\nCOMP_WORDS=(";
  for (const std::string& word : words) program += "'" + word + "' ";
  program += ")\nCOMP_CWORD=" + std::to_string(words.size() - 1) + "\n_ringattn\necho \"${COMPREPLY[@]}\"\n";
  const test::Finished f = run_program("bash", {"-s"}, program);
  CHECK(f.code == 0);
  CHECK(f.err.empty());
  return f.out;
}

TEST_CASE("each script is one that its shell can read") {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const std::string text = script(shell);
    CHECK(!text.empty());
    if (shell != "bash" && !test::is_installed(shell)) continue;  // bash runs this very build; the others are optional
    const test::Finished f = run_program(shell, {"-n"}, text);
    INFO(shell, ": ", f.err);
    CHECK(f.code == 0);
    CHECK(f.err.empty());
  }
}

TEST_CASE("bash offers verbs, flags and values") {
  CHECK(offered({"ringattn", "com"}) == "compare completion\n");
  CHECK(offered({"ringattn", "compare", "--as"}) == "--as-shipped\n");
  CHECK(offered({"ringattn", "compare", "--preset", "qu"}) == "quick\n");
  CHECK(offered({"ringattn", "compare", "--color", "a"}) == "auto always\n");
  CHECK(offered({"ringattn", "compare", "-a", "he"}) == "heads= head_dim=\n");
  CHECK(offered({"ringattn", "compare", "--set", "segment"}) == "segment_lengths=\n");
  CHECK(offered({"ringattn", "compare", "--old", "ora"}) == "oracle\n");
  CHECK(offered({"ringattn", "list", "pre"}) == "presets\n");
  CHECK(offered({"ringattn", "completion", ""}).starts_with("bash zsh fish"));
}

TEST_CASE("files are offered where a verb takes a path, and words beside files where a flag takes either") {
  const std::string tests = RINGATTN_SOURCE_DIR "/tests";
  CHECK(offered({"ringattn", "replay", tests + "/gold"}) == tests + "/golden\n");
  CHECK(offered({"ringattn", "migrate", tests + "/cli/migrate/alias"}) == tests + "/cli/migrate/aliases.py\n");
  CHECK(offered({"ringattn", "compare", "--projection", "ident"}) == "identity\n");
  CHECK(offered({"ringattn", "compare", "--config", tests + "/cli/migrate/exp"}) ==
        tests + "/cli/migrate/expected.json\n");
  CHECK(contains(script("zsh"), "'1:name:_files'"));
  CHECK(contains(script("fish"), "__fish_seen_subcommand_from replay' -F"));
}

TEST_CASE("a flag without a value takes none") {
  CHECK(!contains(script("bash"), "compare:--as-shipped"));
  CHECK(contains(script("bash"), "compare:--preset"));
  CHECK(contains(script("zsh"), "'*--as-shipped[the old one as it was released, defects and all]'"));
  CHECK(contains(script("fish"), "-l as-shipped -d "));
}

TEST_CASE("every flag of compare's help is in every script") {
  std::istringstream help(run({"compare", "--help"}).out);
  const std::string bash = script("bash");
  const std::string zsh = script("zsh");
  const std::string fish = script("fish");
  int flags = 0;
  for (std::string line; std::getline(help, line);) {
    const std::size_t begin = line.find("--");
    if (!line.starts_with("  -") || begin == std::string::npos) continue;
    const std::string flag = line.substr(begin, line.find(' ', begin) - begin);
    CAPTURE(flag);
    CHECK(contains(bash, flag));
    CHECK(contains(zsh, flag + "["));
    CHECK(contains(fish, "-l " + flag.substr(2)));
    ++flags;
  }
  CHECK(flags > 20);
}

}  // namespace
}  // namespace ringattn
