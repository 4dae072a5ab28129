#include "compare/user_gradients.h"

#include "config/error.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

const at::Tensor query = at::zeros({1, 6, 2, 4});

/// A reader that was given these whole tensors.
GradientReader reader(const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  GradientReader read;
  for (const auto& [name, tensor] : tensors) REQUIRE(read.place(name, -1, tensor));
  return read;
}

}  // namespace

TEST_CASE("gradients are read under their names, dout is grad_out, and other names are not taken") {
  GradientReader read = reader({{"dout", at::ones_like(query)}, {"dk", at::full_like(query, 2.0).to(at::kBFloat16)}});
  CHECK_FALSE(read.place("out", -1, query));
  const UserGradients gradients = read.read(query);
  CHECK(at::equal(gradients.grad_out, at::ones_like(query)));
  CHECK(at::equal(gradients.key, at::full_like(query, 2.0)));
  CHECK_FALSE(gradients.query.defined());
  CHECK(gradients.are_there());
  CHECK((gradients.dtype == at::kBFloat16));
  CHECK(read.names() == std::vector<std::string>{"dout", "dk"});
}

TEST_CASE("what ranks recorded of all rows is added up, what they recorded of their own is laid one after the other") {
  GradientReader read;
  for (const int rank : {0, 1}) {
    read.place("grad_out", rank, at::full({1, 3, 2, 4}, rank + 1.0));
    read.place("dv", rank, at::full_like(query, rank + 1.0));
  }
  const UserGradients gradients = read.read(query);
  CHECK(gradients.grad_out.narrow(1, 0, 3).eq(1.0).all().item<bool>());
  CHECK(gradients.grad_out.narrow(1, 3, 3).eq(2.0).all().item<bool>());
  CHECK(gradients.value.eq(3.0).all().item<bool>());
}

TEST_CASE("gradients that cannot be judged are refused by name, shape and number") {
  const at::Tensor ones = at::ones_like(query);
  const auto refused = [&](const GradientReader& read, const char* words) {
    CHECK_THROWS_WITH_AS(read.read(query), doctest::Contains(words), UsageError);
  };
  refused(reader({{"dq", ones}}), "dq: there is no tensor \"grad_out\"");
  refused(reader({{"grad_out", ones}, {"dout", ones}, {"dq", ones}}), "grad_out and dout are two names");
  refused(reader({{"grad_out", ones}, {"dk", at::ones({1, 6, 2, 5})}}),
          "dk: must have the query's shape (1, 6, 2, 4), got (1, 6, 2, 5)");
  refused(reader({{"grad_out", ones.narrow(1, 0, 5)}, {"dk", ones}}),
          "grad_out: must have all 6 rows of the query, got 5");
  at::Tensor spoiled = ones.clone();
  spoiled[0][2][1][3] = NAN;
  refused(reader({{"grad_out", ones}, {"dv", spoiled}}), "dv: 1 of 48 numbers are NaN or infinite");

  GradientReader ranks = reader({{"grad_out", ones}});
  ranks.place("dk", 1, ones);
  refused(ranks, "dk.rank0: is missing, though there is dk.rank1");
  GradientReader both = reader({{"grad_out", ones}, {"dk", ones}});
  both.place("dk", 0, ones);
  refused(both, "dk: is there whole and by rank");
  GradientReader rows = reader({{"grad_out", ones}});
  for (const int rank : {0, 1}) rows.place("dk", rank, ones.narrow(1, 0, 2));
  refused(rows, "the ranks' rows are 4 together, the query has 6");
}

TEST_CASE("no gradient is no error, and grad_out alone says nothing") {
  CHECK_FALSE(GradientReader().read(query).are_there());
  CHECK_FALSE(reader({{"grad_out", at::ones_like(query)}}).read(query).are_there());
}

}  // namespace ringattn
