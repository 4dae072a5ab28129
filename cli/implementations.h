#pragma once

#include <string>
#include <vector>

namespace ringattn {

/// A variant of the new API.
struct NewImplementation {
  std::string name;
  std::string summary;
};
const std::vector<NewImplementation>& new_implementations();

/// An old class as people see it from the command line.
struct OldImplementation {
  std::string name;        ///< what --old takes
  std::string class_name;  ///< as it was released
  std::string intended;    ///< the function that it was meant to compute
  std::string target;      ///< the guide's migration target
  std::string
      preserving;  ///< configuration of the new API that computes the intended function, as JSON; "" where none does
  std::string condition;  ///< when that holds
  std::string in_0_3;     ///< what becomes of it
  std::string in_0_4;
  std::string in_0_5;
  bool runnable = false;  ///< --old can run it
};
/// The entries of legacy/catalogue.h, in its order (old_implementations.cpp); none in a build without legacy/
/// (without_legacy.cpp).
std::vector<OldImplementation> old_implementations();

/// Names for completion and did-you-mean; only what can run.
std::vector<std::string> new_implementation_names();
std::vector<std::string> old_implementation_names();

}  // namespace ringattn
