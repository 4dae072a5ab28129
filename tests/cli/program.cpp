#include "program.h"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace ringattn::test {
namespace {

constexpr unsigned seconds_max = 60;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// A file without a name: no pipe can fill up, and nothing is left behind.
File temporary(const std::string& text = "") {
  File file(std::tmpfile());
  if (!file) throw std::runtime_error("no temporary file");
  std::fwrite(text.data(), 1, text.size(), file.get());
  std::rewind(file.get());
  return file;
}

std::string read_all(std::FILE* file) {
  std::rewind(file);
  std::string text;
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof(buffer), file)) > 0;) text.append(buffer, n);
  return text;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> bare_environment() {
  std::vector<std::string> variables;
  for (const char* name : {"PATH", "HOME", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) variables.push_back(std::string(name) + "=" + value);
  }
  variables.emplace_back("TERM=xterm");
  return variables;
}

Finished start(std::vector<std::string> words, std::vector<std::string> variables, const std::string& input) {
  const File in = temporary(input);
  const File out = temporary();
  const File err = temporary();
  std::vector<char*> argv = pointers(words);
  std::vector<char*> envp = pointers(variables);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    dup2(fileno(in.get()), 0);
    dup2(fileno(out.get()), 1);
    dup2(fileno(err.get()), 2);
    alarm(seconds_max);
    execvpe(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, read_all(out.get()), read_all(err.get())};
}

}  // namespace

Finished run(const std::vector<std::string>& arguments, const std::vector<std::string>& variables,
             const std::string& input) {
  const char* binary = std::getenv("RINGATTN_BINARY");
  std::vector<std::string> words{binary != nullptr ? binary : RINGATTN_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = bare_environment();
  environment.insert(environment.end(), variables.begin(), variables.end());
  return start(words, environment, input);
}

Finished run_program(const std::string& program, const std::vector<std::string>& arguments, const std::string& input) {
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return start(words, bare_environment(), input);
}

bool is_installed(const std::string& program) { return run_program("sh", {"-c", "command -v " + program}).code == 0; }

}  // namespace ringattn::test
