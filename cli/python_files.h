#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ringattn {

/// What a walk over the paths of a command line found, in the order of the paths, folders by name; each file once.
struct PythonFiles {
  std::vector<std::filesystem::path> sources;     ///< as they were reached
  std::vector<std::filesystem::path> notebooks;   ///< *.ipynb, which are not read
  std::vector<std::filesystem::path> unreadable;  ///< folders without permission
};

/// Files are taken whatever their name; of folders the *.py, except in version control, caches and virtual
/// environments. Links to folders are not followed. Throws UsageError for a path that does not exist, and for a
/// notebook.
PythonFiles find_python_files(const std::vector<std::string>& paths);

}  // namespace ringattn
