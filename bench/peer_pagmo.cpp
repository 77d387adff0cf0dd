/* SPDX-License-Identifier: BSD-3-Clause */
/* See peer_pagmo.h. */
#include "bench/peer_pagmo.h"

#include <cstring>

#include <pagmo/algorithms/nsga2.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>
#include <pagmo/problems/dtlz.hpp>
#include <pagmo/problems/zdt.hpp>
#include <pagmo/utils/multi_objective.hpp>

using points = std::vector<pagmo::vector_double>;

void *peer_pagmo_points(const double *values, unsigned count, unsigned objectives)
{
	auto *p = new points;

	for (unsigned i = 0; i < count; i++)
		p->emplace_back(values + i * objectives, values + (i + 1) * objectives);
	return p;
}

void peer_pagmo_points_free(void *p)
{
	delete static_cast<points *>(p);
}

unsigned peer_pagmo_sort(const void *p)
{
	auto result = pagmo::fast_non_dominated_sorting(*static_cast<const points *>(p));

	return static_cast<unsigned>(std::get<0>(result).size());
}

void peer_pagmo_nsga2(const char *suite, unsigned number, unsigned genes, unsigned population,
		      unsigned generations, unsigned seed, double *front)
{
	pagmo::problem problem = std::strcmp(suite, "zdt") == 0
					 ? pagmo::problem(pagmo::zdt(number, genes))
					 : pagmo::problem(pagmo::dtlz(number, genes, 3));
	pagmo::nsga2 algorithm(generations, 0.9, 15.0, 1.0 / genes, 20.0, seed);
	pagmo::population start(problem, population, seed);
	auto end = algorithm.evolve(start);

	for (const auto &f : end.get_f())
		for (double v : f)
			*front++ = v;
}
