/** The recipes by name. */
import type { RecipeName } from "../config/recipes.js";
import { createKmeansRecipe } from "./kmeans.js";
import { createPaperRecipe } from "./paper.js";
import type { Recipe, RecipeInput } from "./recipe.js";

export const recipes: Readonly<Record<RecipeName, (input: RecipeInput) => Recipe>> = {
  kmeans: createKmeansRecipe,
  paper: createPaperRecipe,
};
