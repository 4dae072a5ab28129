#include "cli/completion_script.h"

namespace ringattn {
namespace {

std::string joined(const std::vector<std::string>& words, const std::string& separator = " ") {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

/// Text inside single quotes; `extra` characters get a backslash of their own, as some shells' little languages want
/// it.
std::string as_word(const std::string& text, const std::string& extra = "") {
  std::string result;
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
      continue;
    }
    if (extra.find(c) != std::string::npos) result += '\\';
    result += c;
  }
  return "'" + result + "'";
}

std::vector<std::string> all_names(const CompletionVerb& verb) {
  std::vector<std::string> names = verb.words;
  for (const CompletionFlag& flag : verb.flags) names.insert(names.end(), flag.names.begin(), flag.names.end());
  return names;
}

// bash: one case for "verb:previous word", one for the verb.

std::string bash_value(const CompletionVerb& verb, const CompletionFlag& flag) {
  std::vector<std::string> patterns;
  for (const std::string& name : flag.names) patterns.push_back(verb.name + ":" + name);
  std::string text = "    " + joined(patterns, "|") + ")\n";
  const bool ends_open = !flag.words.empty() && flag.words.front().ends_with("=");
  if (ends_open) text += "      compopt -o nospace\n";
  if (flag.files) text += "      compopt -o filenames\n";
  text += "      COMPREPLY=($(compgen " + std::string(flag.files ? "-f " : "") + "-W " + as_word(joined(flag.words)) +
          " -- \"$current\"))\n";
  return text + "      return ;;\n";
}

std::string bash_script(const std::vector<CompletionVerb>& verbs) {
  std::string values, flags;
  std::vector<std::string> verb_names;
  for (const CompletionVerb& verb : verbs) {
    verb_names.push_back(verb.name);
    flags += "    " + verb.name + ") " + (verb.files ? "compopt -o filenames; " : "") + "COMPREPLY=($(compgen " +
             (verb.files ? "-f " : "") + "-W " + as_word(joined(all_names(verb))) + " -- \"$current\")) ;;\n";
    for (const CompletionFlag& flag : verb.flags) {
      if (flag.takes_value) values += bash_value(verb, flag);
    }
  }
  return "# bash completion for ringattn; load it with: source <(ringattn completion bash)\n"
         "_ringattn() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" "
         "verb=\"${COMP_WORDS[1]}\"\n"
         "  COMPREPLY=()\n"
         "  if ((COMP_CWORD == 1)); then\n"
         "    COMPREPLY=($(compgen -W " +
         as_word(joined(verb_names) + " --help --version") +
         " -- \"$current\"))\n"
         "    return\n"
         "  fi\n"
         "  case \"$verb:$previous\" in\n" +
         values +
         "  esac\n"
         "  case \"$verb\" in\n" +
         flags +
         "  esac\n"
         "}\n"
         "complete -F _ringattn ringattn\n";
}

// zsh: _arguments specifications, "NAME[summary]:value:action".

std::string zsh_action(const CompletionFlag& flag) {
  const std::string words = joined(flag.words);
  if (flag.files && words.empty()) return "_files";
  if (flag.files) return "{compadd -- " + words + "; _files}";
  if (words.empty()) return " ";
  const bool ends_open = words.ends_with("=");
  return ends_open ? "{compadd -S \"\" -- " + words + "}" : "(" + words + ")";
}

std::string zsh_flag(const CompletionFlag& flag) {
  std::string text;
  for (const std::string& name : flag.names) {
    // The star lets a flag be given more than once; zsh would otherwise stop offering it.
    std::string specification = "*" + name + "[";
    for (const char c : flag.summary)
      specification += (c == '[' || c == ']' || c == ':' ? "\\" : "") + std::string(1, c);
    specification += "]";
    if (flag.takes_value) specification += ":value:" + zsh_action(flag);
    text += " \\\n        " + as_word(specification);
  }
  return text;
}

std::string zsh_script(const std::vector<CompletionVerb>& verbs) {
  std::string descriptions, cases;
  for (const CompletionVerb& verb : verbs) {
    descriptions += "    " + as_word(verb.name + ":" + verb.summary) + "\n";
    cases += "    " + verb.name + ")\n      _arguments";
    for (const CompletionFlag& flag : verb.flags) cases += zsh_flag(flag);
    const CompletionFlag place{.words = verb.words, .files = verb.files};
    if (!verb.words.empty() || verb.files) cases += " \\\n        " + as_word("1:name:" + zsh_action(place));
    cases += " ;;\n";
  }
  return "#compdef ringattn\n"
         "# zsh completion for ringattn; save it as _ringattn in a folder of $fpath\n"
         "_ringattn() {\n"
         "  local -a verbs=(\n" +
         descriptions +
         "  )\n"
         "  if ((CURRENT == 2)); then\n"
         "    _describe verb verbs\n"
         "    return\n"
         "  fi\n"
         "  shift words\n"
         "  ((CURRENT--))\n"
         "  case \"$words[1]\" in\n" +
         cases +
         "  esac\n"
         "}\n"
         "if [[ \"$funcstack[1]\" == _ringattn ]]; then _ringattn \"$@\"; else compdef _ringattn ringattn; fi\n";
}

// fish: one `complete` a flag. A single backslash escapes in its single quotes.

std::string fish_quoted(const std::string& text) {
  std::string result;
  for (const char c : text) result += (c == '\'' || c == '\\' ? "\\" : "") + std::string(1, c);
  return "'" + result + "'";
}

std::string fish_flag(const std::string& verb, const CompletionFlag& flag) {
  std::string text = "complete -c ringattn -n '__fish_seen_subcommand_from " + verb + "'";
  for (const std::string& name : flag.names)
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (flag.takes_value) text += flag.files ? " -r -F" : " -x";
  if (!flag.words.empty()) text += " -a " + fish_quoted(joined(flag.words));
  return text + " -d " + fish_quoted(flag.summary) + "\n";
}

std::string fish_script(const std::vector<CompletionVerb>& verbs) {
  std::string text =
      "# fish completion for ringattn; load it with: ringattn completion fish | source\n"
      "complete -c ringattn -f\n"
      "complete -c ringattn -n '__fish_use_subcommand' -l help -d 'this text, or that of a verb'\n"
      "complete -c ringattn -n '__fish_use_subcommand' -l version -d 'version, commit and LibTorch'\n";
  for (const CompletionVerb& verb : verbs) {
    text +=
        "complete -c ringattn -n '__fish_use_subcommand' -a " + verb.name + " -d " + fish_quoted(verb.summary) + "\n";
    if (!verb.words.empty()) {
      text += "complete -c ringattn -n '__fish_seen_subcommand_from " + verb.name + "' -a " +
              fish_quoted(joined(verb.words)) + "\n";
    }
    if (verb.files) text += "complete -c ringattn -n '__fish_seen_subcommand_from " + verb.name + "' -F\n";
    for (const CompletionFlag& flag : verb.flags) text += fish_flag(verb.name, flag);
  }
  return text;
}

}  // namespace

std::string completion_script(const std::string& shell, const std::vector<CompletionVerb>& verbs) {
  if (shell == "bash") return bash_script(verbs);
  return shell == "zsh" ? zsh_script(verbs) : fish_script(verbs);
}

}  // namespace ringattn
