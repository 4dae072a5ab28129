#include "cli/python_files.h"

#include "config/error.h"

#include <algorithm>
#include <set>

namespace ringattn {
namespace {

namespace fs = std::filesystem;

bool is_skipped(const fs::path& folder) {
  static const std::set<std::string> names{".git",  ".hg",   ".svn",         "__pycache__",   ".tox",       ".nox",
                                           ".venv", ".eggs", "node_modules", "site-packages", ".mypy_cache"};
  std::error_code ignored;
  return names.count(folder.filename().string()) > 0 || fs::exists(folder / "pyvenv.cfg", ignored);
}

class Walk {
 public:
  void add(const fs::path& path) {
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    if (error || !seen_.insert(real).second) return;
    (path.extension() == ".ipynb" ? found_.notebooks : found_.sources).push_back(path);
  }

  void enter(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
      entries.push_back(*it);
    if (error) return found_.unreadable.push_back(folder);
    std::sort(entries.begin(), entries.end());
    for (const fs::directory_entry& entry : entries) {
      const fs::path extension = entry.path().extension();
      if (entry.is_directory(error) && !entry.is_symlink(error)) {
        if (!is_skipped(entry.path())) enter(entry.path());
      } else if ((extension == ".py" || extension == ".ipynb") && entry.is_regular_file(error)) {
        add(entry.path());
      }
    }
  }

  PythonFiles take() { return std::move(found_); }

 private:
  PythonFiles found_;
  std::set<fs::path> seen_;
};

}  // namespace

PythonFiles find_python_files(const std::vector<std::string>& paths) {
  Walk walk;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::exists(path, error)) throw UsageError("migrate: " + path + ": no such file or folder");
    if (fs::is_directory(path, error)) {
      walk.enter(path);
    } else if (fs::path(path).extension() == ".ipynb") {
      throw UsageError("migrate: " + path +
                       ": notebooks are not read; export it first (jupyter nbconvert --to script)");
    } else if (!fs::is_regular_file(path, error)) {
      throw UsageError("migrate: " + path + ": neither a file nor a folder");
    } else {
      walk.add(path);
    }
  }
  return walk.take();
}

}  // namespace ringattn
