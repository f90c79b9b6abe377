import type { Refusal } from "./refusal.ts";

/** A deletion that is asked for, as a precondition sees it. */
export interface DeletionRequest<Param extends string, Traits extends object> {
  readonly params: Readonly<Record<Param, string>>;
  /** What the object was seeded with. */
  readonly traits: Readonly<Traits>;
  /** The betas that the request names. */
  readonly betas: readonly string[];
  /** How many objects are part of this one. */
  readonly parts: number;
  /** How many objects of this kind there are. */
  readonly count: number;
}

/**
 * A kind of object that the API deletes, as its documentation has it. `Param` names the parameters
 * of its path, `Traits` what an object can be seeded with.
 */
export interface Resource<
  Type extends string = string,
  Param extends string = string,
  Traits extends object = object,
> {
  readonly type: Type;
  /** The documentation's template. */
  readonly path: string;
  /** What ids begin with, by parameter, in the order of the path. */
  readonly prefixes: Readonly<Record<Param, string>>;
  /** The documented answer; `"{file_id}"` stands for the parameter of that name. */
  readonly answer: Readonly<Record<string, string>>;
  /** Betas of which each request must name one. None by default. */
  readonly betas?: readonly string[] | undefined;
  /** The kind it is part of, by type: seeding it seeds that too, deleting that deletes it too. */
  readonly partOf?: string | undefined;
  /** Why a deletion is refused; undefined: it is not. Nothing is by default. */
  refuse?(request: DeletionRequest<Param, Traits>): Refusal | undefined;
}
