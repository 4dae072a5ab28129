#pragma once

#include <string>
#include <vector>

namespace ringattn {

/// A flag as a shell sees it.
struct CompletionFlag {
  std::vector<std::string> names{};  ///< "-a", "--axis"
  std::string summary{};
  bool takes_value = false;
  std::vector<std::string> words{};  ///< values that can be named
  bool files = false;                ///< a file name is a value, too
};

struct CompletionVerb {
  std::string name{};
  std::string summary{};
  std::vector<std::string> words{};  ///< what may stand there besides flags
  bool files = false;                ///< a file or folder name may stand there, too
  std::vector<CompletionFlag> flags{};
};

/// A script for "bash", "zsh" or "fish" that completes the program `ringattn`.
std::string completion_script(const std::string& shell, const std::vector<CompletionVerb>& verbs);

}  // namespace ringattn
