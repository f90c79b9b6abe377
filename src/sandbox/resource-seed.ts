import type { Resource } from "./resource.ts";
import type * as registry from "./resources/registry.ts";

type Kind = (typeof registry)[keyof typeof registry];
type KindOf<Type extends ResourceType> = Extract<Kind, { readonly type: Type }>;
type ParamOf<Type extends ResourceType> = KindOf<Type> extends
  Resource<string, infer Param, infer _Traits> ? Param : never;
type TraitsOf<Type extends ResourceType> = KindOf<Type> extends
  Resource<string, infer _Param, infer Traits> ? Traits : never;

/** The kinds of objects that the sandbox deletes besides Message Batches. */
export type ResourceType = Kind["type"];

/** What names one object of a kind: the parameters of its path. */
export type ResourceParams<Type extends ResourceType> = Readonly<Record<ParamOf<Type>, string>>;

/** One object of any kind: its kind, and what names it. */
export type ResourceObject = {
  [Type in ResourceType]: { readonly type: Type } & ResourceParams<Type>;
}[ResourceType];

/** What every object can be seeded with. */
export interface CommonTraits {
  /**
   * Members laid over the answer to its deletion as they are, for shapes that clients must bear.
   * One that is `undefined` is left out, as a file's `type` may be.
   */
  readonly override?: Readonly<Record<string, unknown>> | undefined;
}

/** An object to put in place. Ids that are left out are new. */
export type ResourceSeed<Type extends ResourceType> = { readonly type: Type } & Seeds[Type];

type Seeds = {
  [Type in ResourceType]:
    & { readonly [Param in ParamOf<Type>]?: string | undefined }
    & TraitsOf<Type>
    & CommonTraits;
};
